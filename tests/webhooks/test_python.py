"""The receiver in Python that the documentation shows."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from ..docs.pages import pages_of
from .conftest import EVENT, Hooks
from .receivers import given_an_event_twice


@pytest.mark.long
def test_it_takes_each_event_once_and_refuses_what_is_not_signed(
    hooks: Hooks, work: Callable[[], int], tmp_path: Path, root: Path
) -> None:
    [receiver] = pages_of(root)["docs/use/webhooks.md"].blocks("python")
    (tmp_path / "receiver.py").write_text(receiver)
    printed = given_an_event_twice(hooks, work, [sys.executable, "receiver.py"], tmp_path)
    assert printed == ("delivered", [f"{EVENT} Shop"])
