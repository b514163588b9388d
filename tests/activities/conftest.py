"""Logs of any length, straight in the database."""

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from aasim_core.app import App
from aasim_core.clock import now, to_text
from aasim_core.context import organization_scope
from aasim_core.data.records import insert_rows
from aasim_core.events.chain.entries import ChainEntry
from aasim_core.events.records import EventRow
from aasim_core.ids import new_id
from aasim_core.testing.world import Person, World

#: Writes so many activities into the log of somebody's organization; the labels of their subjects can be given.
Fill = Callable[..., None]
_AT_ONCE = 1000


@pytest.fixture
def owner(world: World) -> Person:
    """The owner of an organization."""
    return world.organization()


@pytest.fixture
def fill(app: App) -> Fill:
    """`fill_log` for the app of the test."""
    return partial(fill_log, app)


def fill_log(app: App, person: Person, count: int, label: str = "An agent") -> None:
    """Fill a log with activities of ten users, a second apart; one in a thousand was denied, and all have a place."""
    users, agents = ([new_id(prefix) for _ in range(10)] for prefix in ("user", "agent"))
    began = now() - timedelta(seconds=count)

    def row(number: int) -> dict[str, Any]:
        return EventRow(
            organization_id=person.organization_id, at=to_text(began + timedelta(seconds=number)), actor_type="user",
            actor_id=users[number % 10] if number else person.user_id, actor_label="ada@example.com", actor_ip="127.0.0.1",
            name="agents.updated", subject_type="agent", subject_id=agents[number // 10 % 10], subject_label=label,
            outcome="denied" if number % 1000 == 0 else "success", changes={"name": ["One", "Two"]}, request_id="0123456789abcdef",
        ).row()  # fmt: skip

    for start in range(0, count, _AT_ONCE):
        with organization_scope(person.organization_id), app.database.transaction():
            rows = [row(number) for number in range(start, min(count, start + _AT_ONCE))]
            insert_rows(EventRow, rows)
            insert_rows(ChainEntry, [_entry(each, number) for number, each in enumerate(rows, start + 1)])


def _entry(event: dict[str, Any], sequence: int) -> dict[str, Any]:
    place = {"event_id": event["id"], "organization_id": event["organization_id"], "sequence": sequence, "version": 2}
    return ChainEntry(**place, hash="0" * 64, salt="0" * 32).row()
