"""A plugin that takes long is named, with its hook and the time; where others wait for it, it has failed."""

from collections.abc import Callable

import pytest

from aasim_core.app import App
from aasim_core.events.declarations import Listener
from aasim_core.plugins import containment
from aasim_core.testing.world import Person

from .conftest import Wrong

Lines = Callable[[], list[str]]


@pytest.fixture(autouse=True)
def _everything_is_slow(monkeypatch: pytest.MonkeyPatch) -> None:
    """No time at all is already too long."""
    monkeypatch.setattr(containment, "SLOW_SECONDS", 0.0)


@pytest.mark.parametrize(
    ("hook", "path"), [("authenticate", "/projects"), ("dashboard_cards", "/dashboard/stats"), ("span_receivers", "/projects")]
)
def test_what_a_request_waits_for_is_named_with_its_time(hook: str, path: str, owner: Person, faults: Lines) -> None:
    assert owner.client.get(path).status == 200
    line, *_ = [line for line in faults() if "plugin=clumsy" in line and f"hook={hook} " in line]
    assert "a plugin was slow" in line and "seconds=0.0" in line, line


def test_each_part_in_the_transaction_of_a_change_is_named(owner: Person, faults: Lines) -> None:
    owner.client.post("/projects", {"name": "P"})
    assert len([line for line in faults() if "plugin=clumsy" in line and "hook=listeners" in line]) == 4


@pytest.mark.parametrize("part", ["when_emitted", "before_commit", "wanted", "at_once"])
def test_a_change_is_given_up_where_a_listener_keeps_all_others_from_writing(
    part: str, app: App, owner: Person, wrong: Wrong, faults: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Listener, "most_seconds", 0.0)
    answer = owner.client.post("/projects", {"name": "P"})
    assert answer.codes == {"_": ["plugin_failed"]}
    assert owner.client.get("/projects").data["items"] == []
