"""The hash chain of an organization's events: sealing, verifying, pruning, erasing and restarting it."""
