"""Which engines are asked: they are remembered, and each change of one counts in the next call."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from aasim_core.context import organization_scope
from aasim_core.testing.statements import recorded
from aasim_plugins.engines import service
from aasim_plugins.engines.built_in import write
from aasim_plugins.engines.chat import EngineError, Message
from aasim_plugins.engines.finding import engines_for
from aasim_plugins.engines.models import Engine

HELLO = [Message("user", "Hello?")]
CAN = {"streaming": True, "tools": "native", "json_schema": True, "judge": False}


@pytest.fixture
def owner(world: Any) -> Any:
    """The owner of an organization."""
    return world.organization()


@pytest.fixture
def engine(app: Any, owner: Any) -> Iterator[Engine]:
    """An engine whose fallback says something else; its organization is in scope."""
    with organization_scope(owner.organization_id):
        fields = {"provider": "scripted", "model": "script", "capabilities": CAN}
        with app.database.transaction():
            other = write({**fields, "name": "B", "default_parameters": {"replies": ["from B"]}})
            made = write(
                {**fields, "name": "A", "default_parameters": {"replies": ["from A"]}, "fallback_engine_ids": [other.id]}
            )
        yield made


@pytest.fixture
def said(app: Any, engine: Engine) -> Callable[[], str]:
    """What the engine, or its fallback, says now; asked once already, so that both are remembered."""

    def ask() -> str:
        return service.ask(app, engine.id, HELLO).reply.text

    assert ask() == "from A"
    return ask


@pytest.mark.parametrize("is_named", [True, False])
def test_the_same_engines_are_read_once(app: Any, engine: Engine, is_named: bool) -> None:
    first = engines_for(app, engine.id if is_named else None)
    with recorded(app.database) as statements:
        assert engines_for(app, engine.id if is_named else None) == first
    assert statements == []


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"default_parameters": {"replies": ["another"]}}, "another"),
        ({"fallback_engine_ids": [], "default_parameters": {"replies": ["alone"]}}, "alone"),
    ],
)
def test_a_change_counts_in_the_next_call(
    said: Callable[[], str], owner: Any, engine: Engine, change: dict[str, Any], expected: str
) -> None:
    owner.client.patch(f"/engines/{engine.id}", change)
    assert said() == expected


def test_a_halt_and_its_end_count_in_the_next_call(said: Callable[[], str], owner: Any, engine: Engine) -> None:
    owner.client.post(f"/engines/{engine.id}/halt", {"reason": "It raves."})
    assert said() == "from B"
    owner.client.post(f"/engines/{engine.id}/resume")
    assert said() == "from A"


def test_a_deleted_engine_is_not_asked_again(said: Callable[[], str], owner: Any, engine: Engine) -> None:
    assert owner.client.delete(f"/engines/{engine.id}").status == 200
    with pytest.raises(EngineError, match="The engine is not there any more"):
        said()


def test_a_deleted_fallback_is_not_asked_again(app: Any, said: Callable[[], str], owner: Any, engine: Engine) -> None:
    [other] = engine.fallback_engine_ids
    assert owner.client.delete(f"/engines/{other}").status == 200
    assert said() == "from A"
    assert [each.id for each, _ in engines_for(app, engine.id)] == [engine.id]
