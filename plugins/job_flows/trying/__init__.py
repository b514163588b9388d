"""Trying schedules: when they come due, and what would become of it."""
