"""The kernel of job flows: due times and their outcomes, without any I/O.

It does no I/O: no clock, database, randomness or plugin; the time, the calendar's days and the rules are arguments. The scheduler,
previews, simulations and backfills share its functions, so that they agree.
"""
