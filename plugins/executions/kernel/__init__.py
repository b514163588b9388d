"""The kernel of durable runs: it decides without any I/O; clock, ids and everything else come in with events.

`decide.decide(state, event)` returns the run after the event, and the commands that follow. `admission` decides which runs may be at work.
`shell` writes the decisions.

Code with news for a run locks no row of it: it inserts an arrival, and a job with the run as its unique key, which delivers all arrivals at
once. One job per run waits for its earliest time, and sends `Tick`. A worker reads the run's row before each effect, and thus learns that
it must stop. A job that the queue delivers again is `Claimed` again, which fences the previous worker.
"""
