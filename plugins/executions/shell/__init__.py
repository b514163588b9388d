"""The shell of durable runs: read a run's state, let the kernel decide, and execute its commands, in one transaction.

`rows` maps the kernel's state to rows and back. `stored_run.StoredRun.apply` is the only way to change a run's state. `arrivals` accepts
news for a run; `delivery` continues the run with them, or at a due time. `admission` controls concurrency: for a key of `admit`, `keys`
lets the kernel decide, and `tickets` maps its state to rows.
"""
