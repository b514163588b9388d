"""The part of durable runs that writes: it reads a run's state, lets the kernel decide, and carries out what follows, in one transaction.

`rows` maps the kernel's state to rows and back. `stored_run.StoredRun.apply` is the only way to change what a run is in. `arrivals` is
the way in for whoever has something for a run; `delivery` lets it go on with that, or when one of its times has come. `admission` carries
out who may be at work at the same time: of a key of `admit`, `keys` lets the kernel decide, and `tickets` maps what is known of it to rows.
"""
