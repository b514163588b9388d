"""Processes: the API, the worker, the supervisor of both, and the preparation of an installation."""
