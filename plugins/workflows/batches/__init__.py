"""Batches: what somebody has asked for many runs of a workflow at once, told before it happens, and done in the background."""
