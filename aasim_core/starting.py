"""How a process starts that stays."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def starting() -> Iterator[None]:
    """Look for no garbage inside, and later not among what was made inside.

    Nearly all of that stays, and there is much of it: to look through it takes a sixth of the start, and again now and then the time of
    several requests (see `gc.freeze`).
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
