"""The deciding part of job flows: due times and their results.

It does no I/O: no clock, database, randomness or plugin; the time, the calendar's days and the rules are arguments. The scheduler,
previews, simulations and backfills share its functions, so that they agree.
"""
