"""How a job ends early, said by an exception."""


class LeaseLost(Exception):
    """The job is not this worker's any more: it was cancelled, timed out, or given to another. Nothing of it may be written."""


class GiveUp(Exception):
    """Raised by a job that cannot succeed, however often it is tried; its text is the reason that people read."""


class TryAgain(Exception):
    """Raised by a job that cannot succeed now, for a reason that is no fault of its own; its text is the reason that people read."""
