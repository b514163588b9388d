"""Admission: how many runs there may be at once, and what one waits behind."""
