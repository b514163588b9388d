"""Rules about a plugin's permissions, operations, and the records behind them."""

import re
from collections.abc import Iterator, Sequence
from typing import Any

from ...http.operations import Endpoint
from ...plugins.failures import place_of
from ...schemas.examples import body_example
from ...schemas.fields import Secret
from .rule import Flaw, Rule
from .subject import Subject

_SECRET_WORDS = re.compile(r"(^|_)(password|secret|token|api_key|private_key|credentials)$")


def _flaw(advice: str, definition: Any = None) -> Flaw:
    return Flaw(advice, place_of(definition).strip(" ()"))


def _at(subject: Subject, hook: str) -> Any:
    return subject.declared.hooks.get(hook)


def _shown(endpoint: Endpoint) -> str:
    return f"{endpoint.method} {endpoint.template}"


def _permissions(subject: Subject) -> Iterator[Flaw]:
    for permission in subject.declared.permissions:
        if len(permission.summary.split()) < 2:
            yield _flaw(f"say in the summary of {permission.id} what it allows, as in “See notes”", _at(subject, "permissions"))


def _idle_permissions(subject: Subject) -> Iterator[Flaw]:
    """Those that neither an operation asks for, nor the code where it asks by itself, as ``rights.allows("read", …)``."""
    asked = {endpoint.permission for endpoint in subject.declared.endpoints}
    code = "".join(file.text for file in subject.package.code)
    for permission in subject.declared.permissions:
        verb = permission.id.partition(":")[2]
        if permission.id not in asked and code.count(permission.id) < 2 and f'"{verb}"' not in code:
            yield _flaw(f"let an operation ask for {permission.id}, or remove it", _at(subject, "permissions"))


def _deleting(subject: Subject) -> Iterator[Flaw]:
    dangerous = {permission.id for permission in subject.declared.permissions if permission.dangerous}
    own = {permission.id for permission in subject.declared.permissions}
    for endpoint in subject.operations:
        if endpoint.method == "DELETE" and len(endpoint.path_ids) == 1 and endpoint.permission in own - dangerous:
            verb = (endpoint.permission or "").partition(":")[2]
            if verb == "delete":
                yield _flaw(f"mark the permission {endpoint.permission} as dangerous=True", _at(subject, "permissions"))


def _events_of_changes(subject: Subject) -> Iterator[Flaw]:
    changing = [endpoint for endpoint in subject.operations if endpoint.method in ("PUT", "PATCH", "DELETE")]
    if changing and not subject.declared.events:
        yield _flaw(f"declare and emit an event for {_shown(changing[0])}", type(changing[0].resource))


def _secrets_read(subject: Subject) -> Iterator[Flaw]:
    """Answers to GET, which are given again and again, and not once."""
    for endpoint in subject.operations:
        if endpoint.method == "GET" and endpoint.reply is not None:
            for name, one in endpoint.reply.fields.items():
                if not one.load_only and (isinstance(one, Secret) or _SECRET_WORDS.search(name)) and not name.startswith("has_"):
                    yield _flaw(f"leave {name} out of what {_shown(endpoint)} answers", type(endpoint.reply))


def _operation_texts(subject: Subject) -> Iterator[Flaw]:
    for endpoint in subject.operations:
        if not endpoint.operation.summary.endswith("."):
            yield _flaw(
                f"say in the docstring of what answers {_shown(endpoint)} what it does, in a sentence", type(endpoint.resource)
            )


def _operation_messages(subject: Subject) -> Iterator[Flaw]:
    for endpoint in subject.operations:
        if not (endpoint.operation.plain or endpoint.operation.message.endswith(".")):
            yield _flaw(f'write message="….", what people are told of success, at {_shown(endpoint)}', type(endpoint.resource))


def _replies(subject: Subject) -> Iterator[Flaw]:
    for endpoint in subject.operations:
        if not endpoint.operation.plain and endpoint.reply is None and endpoint.method == "GET":
            yield _flaw(
                f"declare the schema of the answer to {_shown(endpoint)}: @operation(…, reply=…)", type(endpoint.resource)
            )


def _paging(subject: Subject) -> Iterator[Flaw]:
    for endpoint in subject.operations:
        if endpoint.operation.many and endpoint.query is None:
            yield _flaw(f"answer {_shown(endpoint)} in pages, with a ListQuery as its `query`", type(endpoint.resource))


def _examples(subject: Subject) -> Iterator[Flaw]:
    for endpoint in subject.operations:
        if (
            endpoint.body is not None
            and endpoint.body.load_fields
            and body_example(endpoint.body, patch=endpoint.method == "PATCH") is None
        ):
            yield _flaw(f"give the fields of the body of {_shown(endpoint)} an example that it takes", type(endpoint.body))


def _records(subject: Subject) -> Iterator[Any]:
    yield from (model for model in subject.declared.models if "organization_id" in model._meta.columns)


def _unique_within(subject: Subject) -> Iterator[Flaw]:
    for model in _records(subject):
        for columns, is_unique in (index for index in model._meta.indexes if isinstance(index, tuple)):
            ids = [name for name in columns if name.endswith(("_id", "_digest")) or name == "id"]
            if is_unique and not ids:
                yield _flaw(f"begin the unique index over {', '.join(columns)} with organization_id", model)


def _indexed(subject: Subject) -> Iterator[Flaw]:
    """Lists over records, whose pages are read by organization."""
    for endpoint in subject.operations:
        model = getattr(endpoint.resource, "record", None)
        if (
            endpoint.method == "GET"
            and endpoint.operation.many
            and model in subject.declared.models
            and model in set(_records(subject))
        ):
            firsts = [_first(index) for index in model._meta.indexes]
            if "organization_id" not in firsts and not any(first and first.endswith("_id") for first in firsts):
                yield _flaw('give the table an index that begins with "organization_id", and ends with "id"', model)


def _first(index: Any) -> str | None:
    if isinstance(index, tuple):
        return str(index[0][0])
    expressions = getattr(index, "_expressions", ())
    return getattr(expressions[0], "name", "organization_id") if expressions else None


OPERATION_RULES: Sequence[Rule[Subject]] = (
    Rule(
        "permission-summaries",
        "bronze",
        "Each permission says in more than one word what it allows.",
        "Who makes a role does not know what it allows.",
        _permissions,
    ),
    Rule(
        "operation-summaries",
        "bronze",
        "The docstring of each responder begins with a sentence.",
        "The API reference is empty at this place.",
        _operation_texts,
    ),
    Rule(
        "secrets-write-only",
        "bronze",
        "No answer to a GET has a field for a password, secret, token or key.",
        "Who may read an object learns its secret.",
        _secrets_read,
    ),
    Rule(
        "dangerous-deleting",
        "silver",
        "The permission that deletes objects is `dangerous=True`.",
        "A role that looks harmless deletes for good.",
        _deleting,
    ),
    Rule(
        "permissions-asked-for",
        "silver",
        "Each permission is asked for, by an operation or by the code.",
        "An owner gives a permission that changes nothing.",
        _idle_permissions,
    ),
    Rule(
        "changes-are-events",
        "silver",
        "A plugin whose operations change something declares events.",
        "Nobody can find out who changed something.",
        _events_of_changes,
    ),
    Rule(
        "replies-declared",
        "silver",
        "Each GET declares the schema of its answer.",
        "Generated clients know nothing of the answer.",
        _replies,
    ),
    Rule(
        "lists-in-pages",
        "silver",
        "Each list is answered in pages.",
        "A long list takes the server's memory and the client's.",
        _paging,
    ),
    Rule(
        "operation-messages",
        "silver",
        "The message of each operation is a sentence.",
        "A person is told nothing of what was done.",
        _operation_messages,
    ),
    Rule(
        "body-examples",
        "silver",
        "Each body has an example that its schema takes.",
        "Who reads the reference has to find out what a body looks like.",
        _examples,
    ),
    Rule(
        "unique-within",
        "silver",
        "Unique indexes of an organization's records name the organization, or an id.",
        "An organization learns that another one has an object of a name.",
        _unique_within,
    ),
    Rule(
        "lists-indexed",
        "silver",
        "Records that are listed have an index that begins with their organization, or with an id.",
        "A list is slow for all, once one organization has many rows.",
        _indexed,
    ),
)
