"""What a resource says about the operations that it inherits."""

from collections.abc import Mapping
from typing import Any, ClassVar

import pytest

from aasim_core.http.endpoints import endpoints_of
from aasim_core.http.operations import PUBLIC, Endpoint, Resource, operation
from aasim_core.http.request import Request, Response
from aasim_core.lists.query import ListQuery
from aasim_core.openapi.components import Components
from aasim_core.openapi.describing import described
from aasim_core.resources.collection import Collection
from aasim_core.schemas.schema import DeletedOut


def endpoints(**said: Any) -> dict[str, Endpoint]:
    """The operations, by name, of a collection of notes that says this of itself."""

    resource: Any = type("Notes", (Notes,), {"body": DeletedOut(), **said})(None)
    return by_name(resource)


def by_name(resource: Any) -> dict[str, Endpoint]:
    return {endpoint.operation_id: endpoint for endpoint in endpoints_of("notes", [resource])}


class Notes(Collection):
    """Notes that can be read."""

    events = "notes"
    paths: ClassVar[Mapping[str, str]] = {"": "/notes", "one": "/notes/{note_id}"}
    reply, query = DeletedOut(), ListQuery(DeletedOut())


def test_a_verb_asks_for_the_permission_that_the_resource_names_for_it() -> None:
    found = endpoints(permissions={"create": "manage", "update": "books:write"})
    assert {name: endpoint.permission for name, endpoint in found.items()} == {
        "notes_list": "notes:read",
        "notes_create": "notes:manage",
        "notes_read": "notes:read",
        "notes_replace": "books:write",
        "notes_update": "books:write",
        "notes_delete": "notes:delete",
    }


def test_without_a_body_records_are_only_read() -> None:
    resource: Any = Notes(None)  # type: ignore[arg-type]
    assert list(by_name(resource)) == ["notes_list", "notes_read"]
    assert list(resource.emits()) == []


def test_what_writes_by_itself_needs_no_body() -> None:
    own: Any = type("Notes", (Notes,), {"on_delete_one": operation("delete")(lambda *_: None)})(None)
    assert list(by_name(own)) == ["notes_list", "notes_read", "notes_delete"]
    assert list(own.emits()) == []


def test_the_steps_of_a_collection_ask_for_the_same_permission() -> None:
    resource: Any = endpoints(permissions={"create": "manage", "update": "books:write"})["notes_list"].resource
    assert [resource.permission_for(verb) for verb in ("read", "create", "update")] == [
        "notes:read",
        "notes:manage",
        "books:write",
    ]


def test_what_is_otherwise_about_an_operation_stands_instead_of_the_base_class() -> None:
    found = endpoints(operations={"delete": {"summary": "Burn {one}.", "refusals": ("in_use",)}})
    burnt, read = found["notes_delete"].operation, found["notes_read"].operation
    assert (burnt.summary, burnt.message, burnt.refusals) == ("Burn a note.", "Note deleted.", ("in_use",))
    assert read.summary == "Read a note."


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ({"permissions": {"make": "manage"}}, "Notes.permissions has no verb make; write one of read, create, update, delete"),
        ({"operations": {"change": {}}}, "Notes.operations has no verb change; write one of list, create, read, replace, update"),
    ],
)
def test_a_verb_that_there_is_not_is_told(said: dict[str, Any], sentence: str) -> None:
    with pytest.raises(LookupError, match=sentence):
        endpoints(**said)


def test_a_keyword_that_an_operation_does_not_have_is_told() -> None:
    with pytest.raises(TypeError, match="refuses"):
        endpoints(operations={"delete": {"refuses": ("in_use",)}})


class Door(Resource):
    """Where somebody may have to wait for a mail."""

    paths: ClassVar[Mapping[str, str]] = {"knock": "/door/knock"}

    @operation(PUBLIC, reply=DeletedOut(), status=201, bare={202: "Wait for a mail."})
    def on_post_knock(self, req: Request, resp: Response) -> None:
        """Knock."""


def test_an_answer_that_is_bare_is_described_without_data_and_leads_nowhere() -> None:
    components = Components({})
    answer = described(components, by_name(Door())["door_knock"])["responses"]["202"]
    content = answer["content"]["application/json"]
    envelope = components.finished()["schemas"][content["schema"]["$ref"].rpartition("/")[2]]
    assert envelope["properties"]["data"]["maxProperties"] == 0
    assert content["example"] == {"success": True, "data": {}, "message": "Wait for a mail."}
    assert not {"Location", "Retry-After"} & answer["headers"].keys()
