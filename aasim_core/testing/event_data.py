"""Check the data of emitted events against their declarations: a test that emits a mismatch fails."""

from collections.abc import Iterator
from typing import Any

import jsonschema_rs
import orjson
import pytest

from ..catalog.event_types import schema_of
from ..events.declarations import Event
from ..events.records import EventRow
from .reporting import demand_none


class EventData:
    """A pytest plugin that looks at every event that is written in this process, see `Deliveries.inspect`."""

    def __init__(self) -> None:
        self._flaws: list[str] = []

    def inspect(self, event: Event, row: EventRow) -> None:
        """Remember what is wrong with the data of an event; nothing is raised where it is emitted, for a job would try again."""
        self._flaws += flaws_of(event, row)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self) -> Iterator[None]:
        """Fail the test in which something was wrong, or in whose fixtures it was."""
        result = yield
        demand_none(list(dict.fromkeys(self._flaws)))
        return result

    @pytest.hookimpl(trylast=True)
    def pytest_runtest_teardown(self) -> None:
        """Reset for the next test."""
        self._flaws.clear()


def flaws_of(event: Event, row: EventRow) -> Iterator[str]:
    """What is wrong with the data of the event, as it is declared."""
    text = row.row()["data"]
    validator = jsonschema_rs.validator_for(_closed(schema_of(event)), validate_formats=True)
    for error in validator.iter_errors(None if text is None else orjson.loads(text)):
        path = ".".join(map(str, ["data", *error.instance_path]))
        yield f"the event {event.name} does not tell what it declares, at {path}: {error.message}"


def _closed(shape: Any) -> Any:
    """The schema without room for what is not declared."""
    if not isinstance(shape, dict):
        return shape
    closed = {name: _closed(value) for name, value in shape.items()}
    return {**closed, "additionalProperties": False} if "properties" in shape else closed
