"""The part of job flows that decides: what comes due when, and what becomes of it.

It does no I/O: no clock, database, chance or plugin; the moment, the calendar's days and the rules come in as arguments. The scheduler,
previews, simulations and backfills all ask the same functions, so that they tell the same.
"""
