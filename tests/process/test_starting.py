"""While a process starts nobody looks for garbage, and what was made then is left alone later."""

import gc
from collections.abc import Iterator

import pytest

from aasim_core.process.startup import starting


@pytest.fixture(autouse=True)
def _thaw() -> Iterator[None]:
    yield
    gc.unfreeze()


def test_what_is_made_while_a_process_starts_is_not_looked_at_again() -> None:
    with starting():
        assert not gc.isenabled()
        made: list[object] = []
        made.append(made)
    assert gc.isenabled()
    assert not any(each is made for each in gc.get_objects())


def test_a_start_that_fails_leaves_the_collector_on() -> None:
    with pytest.raises(RuntimeError), starting():
        raise RuntimeError
    assert gc.isenabled()
