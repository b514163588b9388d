"""Admission: how many runs there may be at once, and what a queued run waits for."""
