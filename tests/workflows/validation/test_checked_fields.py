"""What the author of a workflow may not use is not used by way of an expression either."""

from collections.abc import Iterator, Mapping
from inspect import unwrap
from typing import Any

import pytest

from aasim_core.app import App
from aasim_core.testing.world import Person, World
from aasim_plugins.workflows.hookspecs import NodeType

#: For each type that uses an object with the author's rights: the field that names it, and a config that a builder may not write.
REFUSED: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "wait": ("event.name", {"event": {"name": "users.*"}}),
    "http": ("connected_app_id", {"connected_app_id": "capp_01h455vb4pex5vsknk084sn02q", "url": "https://example.org"}),
    "tool": ("ref", {"ref": "app:capp_01h455vb4pex5vsknk084sn02q/pay"}),
    "agent": ("agent_id", {"agent_id": "agent_01h455vb4pex5vsknk084sn02q"}),
    "sub_workflow": ("workflow_id", {"workflow_id": "workflow_01h455vb4pex5vsknk084sn02q"}),
}


def checked(types: Mapping[str, NodeType]) -> Iterator[str]:
    """The types whose use is checked for the author."""
    return (
        name
        for name, kind in types.items()
        if kind.bind is not None
        or any(unwrap(getattr(kind, each)) is not getattr(NodeType, each) for each in ("uses", "references"))
    )


def with_text(config: Mapping[str, Any], field: str, text: str) -> dict[str, Any]:
    """The config with another text in the field."""
    name, _, rest = field.partition(".")
    return {**config, name: with_text(config[name], rest, text) if rest else text}


def text_at(config: Mapping[str, Any], field: str) -> str:
    """The text in the field."""
    name, _, rest = field.partition(".")
    return text_at(config[name], rest) if rest else str(config[name])


@pytest.fixture
def builder(owner: Person, world: World) -> Person:
    """Somebody who makes workflows, and may not read the log."""
    return world.member(owner, "builder")


def test_every_type_that_is_checked_for_the_author_is_tried(app: App) -> None:
    assert set(checked(app.offers("node_types"))) == set(REFUSED)


@pytest.mark.parametrize("way", ["as it is", "vars", "input", "in part", "undone"])
@pytest.mark.parametrize("type_", REFUSED)
def test_what_the_author_may_not_use_is_refused_in_every_form(builder: Person, type_: str, way: str) -> None:
    field, config = REFUSED[type_]
    whole = text_at(config, field)
    texts = {
        "vars": "{{ vars.x }}",
        "input": "{{ input.x }}",
        "in part": f"{whole[:5]}{{{{ input.x }}}}",
        "undone": "{{ input.x }}",
    }
    written = {"type": type_, "config": with_text(config, field, texts.get(way, whole))}
    node = {"id": "a", **written}
    place = f"nodes.a.config.{field}"
    if way == "undone" and type_ != "wait":
        node = {"id": "a", "type": "http", "config": {"url": "https://example.org", "method": "POST"}, "compensate": written}
        place = f"nodes.a.compensate.config.{field}"
    definition = {"language": 1, "variables": {"x": whole}, "nodes": [node], "edges": []}
    told = builder.client.post("/workflows/validate", {"definition": definition}).data["faults"]
    assert [fault["path"] for fault in told if not fault["is_hint"]] == [place], told
