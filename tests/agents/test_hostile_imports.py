"""Whatever is imported is refused with little read and nothing written, or written with a bounded number of statements."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from aasim_core.app import App
from aasim_core.testing.contract.exchanges import Exchange, ask
from aasim_core.testing.statements import recorded
from aasim_core.testing.world import Person

from ..user_code.schemas import doubling

pytestmark = pytest.mark.long

Document = dict[str, Any]

_MOST = 5_242_880
_MANY = 100_000
#: How many statements it takes to find out who asks, and to look up a tool; how long a refusal may be.
_FOR_THE_CALLER, _FOR_A_TOOL, _MOST_BYTES = 2, 2, 16_384
#: The kinds of facts that are cached for an epoch, whose first reading compares it.
_FIRST_READINGS = 8
_MOST_TOOLS = 64


def sent(document: Document, **about: Any) -> bytes:
    """The body that imports the document."""
    return json.dumps({"document": {**document, **about}}).encode()


def defined(document: Document, **definition: Any) -> bytes:
    """The body that imports the document with another definition."""
    return sent(document, definition={**document["definition"], **definition})


#: What is refused, made from a document that is not, and with which status.
REFUSED: dict[str, tuple[int, Callable[[Document], bytes]]] = {
    "too many bytes": (413, lambda document: sent(document, description="x" * _MOST)),
    "a long text": (422, lambda document: sent(document, description="x" * (_MOST - 2_000))),
    "long instructions": (422, lambda document: defined(document, instructions="{{ input }}" * 400_000)),
    "unknown fields": (422, lambda document: sent(document, **{f"tag{number}": 1 for number in range(_MANY)})),
    "unknown fields of the definition": (
        422,
        lambda document: defined(document, **{f"tool{number}": 1 for number in range(_MANY)}),
    ),
    "many tags": (422, lambda document: sent(document, tags=["a"] * _MANY)),
    "many needs": (422, lambda document: sent(document, needs=["a"] * _MANY)),
    "many tools": (422, lambda document: defined(document, tools=[{"ref": f"agent:{number}"} for number in range(_MANY)])),
    "tools that are none": (422, lambda document: defined(document, tools=[{"ref": number} for number in range(_MOST_TOOLS)])),
    "bombs as approvals": (
        422,
        lambda document: defined(
            document, tools=[{"ref": f"agent:{number}", "approval": f"{number}{'+1' * 40}"} for number in range(_MOST_TOOLS)]
        ),
    ),
    "a wide schema": (422, lambda document: defined(document, input_schema={"allOf": [{}] * _MANY})),
    "a schema that doubles": (422, lambda document: defined(document, input_schema=doubling(40))),
    "large parameters": (422, lambda document: defined(document, parameters={f"p{number}": 1 for number in range(_MANY)})),
    "open lists": (400, lambda document: b"[" * (_MOST - 1)),
    "nested lists": (400, lambda document: b'{"document":' + b"[" * _MANY + b"]" * _MANY + b"}"),
    "nested objects": (400, lambda document: b'{"document":' * _MANY + b"1" + b"}" * _MANY),
    "a long number": (422, lambda document: b'{"document":' + b"9" * (_MOST - 100) + b"}"),
    "large numbers": (422, lambda document: b'{"document":[' + b",".join([b"1e999"] * _MANY) + b"]}"),
    "one key again and again": (400, lambda document: b"{" + b",".join([b'"document":{}'] * _MANY) + b"}"),
    "half characters": (422, lambda document: b'{"document":{"name":"' + b"\\ud800" * _MANY + b'"}}'),
    "an open text of escapes": (400, lambda document: b'"\\' * (_MOST // 2)),
    "NUL": (400, lambda document: b"\0" * _MANY),
    "spaces": (400, lambda document: b" " * _MOST),
    "UTF-16": (400, lambda document: sent(document).decode().encode("utf-16")),
    "Latin-1": (400, lambda document: sent(document).replace(b"One", "é".encode("latin-1"))),
    "a byte order mark": (400, lambda document: b"\xef\xbb\xbf" + sent(document)),
    "rows": (400, lambda document: b"name,instructions\nOne,do\n" * _MANY),
}


@pytest.fixture
def document(owner: Person) -> Document:
    """An agent as a document."""
    agent = owner.client.post("/agents", {"name": "One"}).data
    return dict(owner.client.get(f"/agents/{agent['id']}/export").data)


def imported(app: App, owner: Person, body: bytes) -> tuple[Exchange, list[str]]:
    """The answer, and the statements that it took."""
    with recorded(app.database) as statements:
        exchange = ask(owner.client.wsgi, "POST", "/agents/import", owner.client.token, raw=body)
    return exchange, [statement.sql for statement in statements]


@pytest.mark.parametrize("bomb", REFUSED)
def test_too_much_is_refused_before_anything_is_looked_up(app: App, owner: Person, document: Document, bomb: str) -> None:
    status, body = REFUSED[bomb]
    exchange, statements = imported(app, owner, body(document))
    assert exchange.status == status, exchange
    assert (len(statements) <= _FOR_THE_CALLER + _FIRST_READINGS, len(exchange.content) <= _MOST_BYTES) == (True, True), (
        statements
    )


def test_as_much_as_may_be_takes_a_few_statements_for_each_tool(app: App, owner: Person, document: Document) -> None:
    refs = [f"agent:{owner.client.post('/agents', {'name': f'Helper {number}'}).data['id']}" for number in range(_MOST_TOOLS)]
    _, few = imported(app, owner, sent(document))
    most = defined({**document, "needs": ["a" * 300] * 100}, tools=[{"ref": ref} for ref in refs], instructions="x" * 100_000)
    exchange, many = imported(app, owner, most)
    assert (exchange.status, len(exchange.data["agent"]["tools"])) == (201, _MOST_TOOLS)
    assert len(many) <= len(few) + _FIRST_READINGS + _FOR_A_TOOL * _MOST_TOOLS
