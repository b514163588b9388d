"""Durable background work: declarations, the job table, schedules and the worker."""
