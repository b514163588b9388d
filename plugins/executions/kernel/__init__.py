"""The part of durable runs that decides. It does no I/O: no clock, ids, chance, JSON, SQL, log or plugin; these come in with events.

`decide.decide(state, event)` returns the run after the event, and the commands that follow. `admission` decides who may be at work.
`shell` writes what is decided here.

Who has something for a run locks no row of it: they insert an arrival, and a job with the run as its unique key, which delivers all
arrivals at once. One job of each run waits for the first of its times, and sends `Tick`. A worker reads the run's row before each
effect, and so learns that it is to stop. A job that the queue delivers again is `Claimed` again, which fences the worker before.
"""
