"""The rules that routes beside the API keep, each with the sentence that says what to do."""

from dataclasses import replace
from typing import Any

import pytest

from aasim_core import Protocol, Resource, TokenCaller, operation
from aasim_core.collecting.rules import broken_rules
from aasim_core.http.operations import SELF, TOKEN
from aasim_core.plugins import Declarations
from aasim_core.schemas.fields import Text
from aasim_core.schemas.schema import Schema


def as_text(refused: Any, request_id: str | None) -> Any:
    """An error as text."""
    return refused.status, {"Content-Type": "text/plain"}, refused.message.encode()


def fails(refused: Any, request_id: str | None) -> Any:
    """Knows no id."""
    return (request_id or "").index("x"), {}, b""


HOOKS = Protocol("/hooks", errors=as_text, media_types=("*/*",), raw=True)


class NoteIn(Schema):
    """A note."""

    text = Text(1, 10)


def route(protocol: Any, *templates: str, permission: str = SELF, body: Schema | None = None, **members: Any) -> Declarations:
    """Declarations of a route of the protocol, or of several."""

    @operation(permission, body=body)
    def on_post(resource: Resource, req: Any, resp: Any, **ids: str) -> None:
        """Do it."""

    paths = {f"s{number}": template for number, template in enumerate(templates or (f"{protocol.prefix}/{{token}}",))}
    responders = {f"on_post_{suffix}": on_post for suffix in paths}
    return Declarations(routes=(type("Things", (Resource,), {"paths": paths, "protocol": protocol, **responders, **members})(),))


def reasons(**declared: Declarations) -> dict[str, str]:
    """What is wrong with these plugins, without where it stands."""
    found = broken_rules({"core": Declarations(), **declared}, dict.fromkeys(declared, ()))
    return {name: reason.replace(" (collecting/test_protocol_rules.py:", " (at ") for name, reason in found.items()}


def caller(self: Resource, req: Any, token: str) -> TokenCaller | None:
    """Nobody."""


def test_a_route_of_a_protocol_is_not_bound_to_the_root_of_its_plugin() -> None:
    assert reasons(job_flows=route(HOOKS, permission=TOKEN, caller=caller)) == {}
    assert reasons(metrics=route(replace(HOOKS, prefix="/metrics"), "/metrics")) == {}


def test_a_path_and_a_name_of_the_api_are_free_beside_it() -> None:
    inside = route(Resource.protocol, "/hooks/{hook_id}")
    assert reasons(hooks=Declarations(routes=(*inside.routes, *route(HOOKS).routes))) == {}


@pytest.mark.parametrize("prefix", ["/hooks", "/hooks/in", "/hooks/in/deep"])
def test_a_prefix_that_another_plugin_has_or_contains_is_refused_with_what_to_write(prefix: str) -> None:
    first, second = route(replace(HOOKS, prefix="/hooks/in")), route(replace(HOOKS, prefix=prefix))
    told = f"has the protocol {prefix}, and the plugin job_flows has /hooks/in; write another prefix, such as"
    assert f'{told} "/my-notes{prefix}"' in reasons(job_flows=first, my_notes=second)["my_notes"]


@pytest.mark.parametrize("prefix", ["/api", "/api/v1", "/api/v2/notes", "/docs"])
def test_a_prefix_of_the_core_is_refused(prefix: str) -> None:
    assert f"has the protocol {prefix}, and the core has " in reasons(notes=route(replace(HOOKS, prefix=prefix)))["notes"]


def test_neighbors_do_not_clash() -> None:
    one, two = (route(replace(HOOKS, prefix=f"/.well-known/{name}")) for name in ("agent", "agents"))
    assert reasons(notes=one, agents=two) == {}


@pytest.mark.parametrize("prefix", ["hooks", "/", "", "/hooks/", "/{x}", "/a/../b", "/a//b", "/a b"])
def test_a_prefix_is_a_fixed_path(prefix: str) -> None:
    told = f'has the protocol {prefix!r}; write a prefix such as "/hooks", of letters and digits, without a slash at its end'
    assert told in reasons(notes=route(replace(HOOKS, prefix=prefix)))["notes"]


@pytest.mark.parametrize("template", ["/{token}", "/hooks/{token}/", "/hooksy", "hooks"])
def test_paths_are_written_whole(template: str) -> None:
    told = f"has the route {template!r} in the protocol /hooks; begin it with /hooks, and end it without a slash"
    assert reasons(notes=route(HOOKS, template))["notes"].startswith(told)


def test_resources_of_one_prefix_have_one_protocol() -> None:
    both = (*route(HOOKS).routes, *route(replace(HOOKS, raw=False), "/hooks").routes)
    assert (
        "has two protocols with the prefix /hooks; give its resources the same one"
        in reasons(notes=Declarations(routes=both))["notes"]
    )


@pytest.mark.parametrize(
    ("errors", "told"),
    [
        (
            lambda refused, request_id: refused.message,
            "errors answer 'There is no such object.'; return the status, the headers and",
        ),
        (
            lambda refused, request_id: (404, {}, "no"),
            "errors answer (404, {}, 'no'); return the status, the headers and the body: (404",
        ),
        (fails, "errors fail with ValueError: substring not found"),
    ],
)
def test_errors_are_tried_before_there_are_any(errors: Any, told: str) -> None:
    assert reasons(notes=route(replace(HOOKS, errors=errors)))["notes"].startswith(f"has the protocol /hooks, whose {told}")


def test_the_protocol_of_a_plugin_from_elsewhere_has_the_types_that_it_declares() -> None:
    wrong: Any = "application/json"
    declared = replace(route(replace(HOOKS, media_types=wrong)), bundled=False)
    assert reasons(notes=declared)["notes"].startswith(
        "has the protocol /hooks, whose media_types must be tuple[str, ...]: str is not"
    )


def test_whoever_has_a_token_has_to_be_known() -> None:
    told = "has POST /hooks/{token} for the holder of a token; write Things.caller, which tells who that is"
    assert reasons(notes=route(HOOKS, permission=TOKEN))["notes"].startswith(told)


def test_a_raw_body_meets_no_schema() -> None:
    told = "has POST /hooks/{token} with a schema for its body, which is raw; leave out `body`, or write raw=False"
    assert reasons(notes=route(HOOKS, body=NoteIn()))["notes"].startswith(told)
    assert reasons(notes=route(replace(HOOKS, raw=False), body=NoteIn())) == {}
