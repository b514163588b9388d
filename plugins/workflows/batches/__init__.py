"""Batches: operations on many runs of a workflow, with a dry run, executed in the background."""
