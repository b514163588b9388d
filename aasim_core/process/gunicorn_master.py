"""gunicorn's master process, which ends in good order too where several of its workers cannot start."""

from contextlib import suppress

from gunicorn.arbiter import Arbiter
from gunicorn.errors import HaltServer


class Master(Arbiter):
    """The master of our server.

    gunicorn raises `HaltServer` for a worker that could not start. While it stops the others, it raises the same again for the next one,
    which nothing catches then.
    """

    def stop(self, graceful: bool = True) -> None:
        """Stop the workers, also those that end by themselves meanwhile because they could not start."""
        while True:
            with suppress(HaltServer):
                super().stop(graceful)
                return
