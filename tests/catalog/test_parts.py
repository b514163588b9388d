"""Parts: what plugins bring for each other's hooks, as it is told, and to whom."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar

import jsonschema_rs
import pytest

from aasim_core.app import App
from aasim_core.catalog.parts import Part, PartShape, fields_of, parts_of, shape_of
from aasim_core.plugins.declarations import Declarations, Offer
from aasim_core.plugins.loading.hook_manager import offered_hooks
from aasim_core.testing.world import World


@dataclass(frozen=True)
class Mood:
    """What a mood is like."""

    strength: int
    colors: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Greeter:
    """Something that a plugin brings."""

    shown: ClassVar = PartShape("title", "about", schemas=("options",), schemas_by_name=("forms",), facts=("mood",))

    name: str
    title: str
    about: str = ""
    options: Mapping[str, Any] | None = None
    forms: Mapping[str, Any] = field(default_factory=dict)
    mood: Any = None
    password: str = "not to be seen"


def part_of(value: Any) -> Part:
    (part,) = parts_of(Declarations(owner="greetings", offers=(Offer("greeters", value.name, value),)))
    return part


def test_a_part_is_shown_as_its_shape_says() -> None:
    schema = {"type": "object"}
    part = part_of(Greeter("polite", "Greets politely", "It bows.", schema, {"short": schema}, "calm"))
    assert part == Part(
        "greeters",
        "polite",
        "greetings",
        "Greets politely",
        "It bows.",
        {"options": schema, "forms.short": schema},
        {"mood": "calm"},
    )


def test_a_schema_that_is_none_is_left_out() -> None:
    assert part_of(Greeter("polite", "Greets politely")).schemas == {}


@pytest.mark.parametrize(("value", "told"), [(frozenset("ba"), ["a", "b"]), (Mood(3), {"strength": 3, "colors": frozenset()})])
def test_facts_become_plain_values(value: Any, told: Any) -> None:
    assert part_of(Greeter("polite", "Greets politely", mood=value)).facts["mood"] == told


def test_a_dataclass_without_a_shape_is_shown_by_its_name_only() -> None:
    @dataclass(frozen=True)
    class Secretive:
        name: str
        password: str

    assert part_of(Secretive("sphinx", "hunter2")) == Part("greeters", "sphinx", "greetings", "sphinx")


def test_the_shapes_of_the_bundled_hooks_name_fields(app: App) -> None:
    for kind in offered_hooks(app.plugins).values():
        names = {one.name for one in fields(kind)} | {name for name, value in vars(kind).items() if isinstance(value, property)}
        assert set(fields_of(shape_of(kind))) <= names, kind


def test_every_schema_of_a_bundled_part_is_a_json_schema(app: App) -> None:
    schemas = [schema for declared in app.declared.values() for part in parts_of(declared) for schema in part.schemas.values()]
    assert len(schemas) > 25
    for schema in schemas:
        jsonschema_rs.validator_for(schema)


def test_the_list_needs_a_credential_and_is_read_in_pages(world: World) -> None:
    client = world.organization().client
    assert world.anonymous.get("/plugin-parts").status == 401
    first = client.get("/plugin-parts?kind=graders&limit=4&include=total").data
    rest = client.get(f"/plugin-parts?kind=graders&limit=100&cursor={first['pagination']['next_cursor']}").data
    names = [item["name"] for item in (*first["items"], *rest["items"])]
    assert len(names) == first["pagination"]["total"] == len(set(names))
    assert names == sorted(names)
    assert {"contains", "llm_judge"} < set(names)


def test_one_says_who_brings_it_and_what_it_takes(world: World) -> None:
    client = world.organization().client
    (item,) = client.get("/plugin-parts?kind=connectors&name=http").data["items"]
    assert (item["plugin"], item["title"]) == ("connected_apps", "HTTP service")
    assert {"config", "credentials.bearer"} <= item["schemas"].keys()
    (item,) = client.get("/plugin-parts?kind=engine_providers&plugin=engine_scripted").data["items"]
    assert item["facts"]["capabilities"].keys() == {"streaming", "tools", "json_schema", "judge"}


def test_what_is_off_for_the_organization_is_not_listed(world: World) -> None:
    owner, other = world.organization(), world.organization("Other")
    owner.client.put(f"/plugins/rubrics/organizations/{owner.organization_id}", {"status": "disabled"})
    assert owner.client.get("/plugin-parts?plugin=rubrics").data["items"] == []
    assert owner.client.get("/plugin-parts?plugin=engine_scripted").data["items"] != []
    assert other.client.get("/plugin-parts?plugin=rubrics").data["items"] != []
