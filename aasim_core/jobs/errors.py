"""Exceptions that end a job early."""


class LeaseLost(Exception):
    """The lease is lost: the job was cancelled, timed out, or given to another worker. Nothing of it may be written."""


class GiveUp(Exception):
    """Raised by a job that cannot succeed on any attempt; its text is shown to people as the reason."""


class TryAgain(Exception):
    """Raised by a job that cannot succeed now through no fault of its own; its text is shown to people as the reason."""
