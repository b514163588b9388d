"""The part of the contract suite about responses of successful operations."""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar
from uuid import uuid4

from ...http.operations import Endpoint
from ...schemas.containers import Object
from ..reporting import demand
from ..statements import recorded, summary
from ..world import Person
from .exchanges import Exchange
from .stage import Stage, name_of
from .terms import (
    any_operation,
    can_be_tried,
    deletes,
    for_each,
    has_ids,
    in_the_envelope,
    patches,
    reads,
    reads_one,
    repeatable,
    writes,
)

#: How many statements reading one object may take, with finding out who asks.
_MOST_FOR_ONE = 3
#: What an answer without a body need not say, and what differs between two answers.
_OF_THE_BODY = frozenset(("x-request-id", "content-length", "content-type"))


def _changes_an_object(endpoint: Endpoint) -> bool:
    return has_ids(endpoint) and endpoint.writes


class AnswerContract:
    """What operations answer."""

    silent: ClassVar[Mapping[str, str]]
    statements: ClassVar[Mapping[str, int]]

    @for_each(any_operation)
    def test_it_answers_as_the_reference_says(self, stage: Stage, endpoint: Endpoint) -> None:
        """A documented status of success, and a body that meets its schema, in the envelope to the letter."""
        exchange = stage.perform(endpoint)
        wanted = (endpoint.operation.status, *endpoint.operation.also, *endpoint.operation.bare)
        problem = (
            f"{exchange}\nit must answer {' or '.join(map(str, wanted))}; if the request is wrong, write `samples` or `before`"
        )
        demand(exchange.status in wanted, problem)
        flaw = stage.documented.flaw(endpoint, exchange)
        demand(flaw is None, f"{exchange}\n{flaw}")

    @for_each(any_operation)
    def test_the_reference_tells_its_permission_and_a_summary(self, stage: Stage, endpoint: Endpoint) -> None:
        """``x-permission``, a summary and an operationId are in the document."""
        described = stage.documented.operation(endpoint) or {}
        demand(described.get("x-permission") == endpoint.operation.permission, f"{name_of(endpoint)} tells another x-permission")
        demand(described.get("summary"), f"{name_of(endpoint)} has no summary; give its responder a docstring")
        demand(described.get("operationId"), f"{name_of(endpoint)} has no operationId")

    @for_each(in_the_envelope)
    def test_the_reference_shows_an_example_of_its_body_and_answer(self, stage: Stage, endpoint: Endpoint) -> None:
        """One that its schema takes; a field of which the form is not known needs an ``example``."""
        described = stage.documented.operation(endpoint) or {}
        parts = {
            "body": described.get("requestBody", {}),
            "answer": described.get("responses", {}).get(str(endpoint.operation.status), {}),
        }
        contents = {what: part.get("content", {}).get("application/json", {"example": None}) for what, part in parts.items()}
        silent = [what for what, content in contents.items() if "example" not in content]
        demand(
            not silent,
            f"the reference has no example of the {' and '.join(silent)} of {name_of(endpoint)}; give fields an `example`",
        )

    @for_each(reads)
    def test_a_head_is_a_get_without_its_body(self, stage: Stage, endpoint: Endpoint) -> None:
        """The same status and headers, and no byte of a body."""
        person = stage.owner
        path = stage.prepared_path(endpoint, person)
        got, head = stage.ask("GET", path, person), stage.ask("HEAD", path, person)
        demand(head.content == b"", f"{head}\nan answer to HEAD has no body")
        demand(head.status == got.status, f"{head}\nand the GET answered {got.status}")
        ours, theirs = _headers(head), _headers(got)
        demand(ours == theirs, f"{head}\nits headers are {ours}, and those of the GET {theirs}")

    @for_each(reads_one)
    def test_reading_one_object_takes_few_statements(self, stage: Stage, endpoint: Endpoint) -> None:
        """At most three, or as many as `statements` says, authentication included, once everything cacheable is cached."""
        most = self.statements.get(f"{endpoint.method} {endpoint.template}", _MOST_FOR_ONE)
        path = stage.prepared_path(endpoint, stage.owner)
        stage.ask("GET", path, stage.owner)
        with recorded(stage.app.database) as statements:
            stage.ask("GET", path, stage.owner)
        listed = summary(statement.sql for statement in statements)
        demand(len(statements) <= most, f"GET {path} ran {len(statements)} statements, more than {most}:\n{listed}")

    @for_each(reads_one)
    def test_an_object_that_has_not_changed_is_not_sent_again(self, stage: Stage, endpoint: Endpoint) -> None:
        """304 without a body to the ETag that was read, where there is one."""
        path = stage.prepared_path(endpoint, stage.owner)
        tag = stage.ask("GET", path, stage.owner).headers.get("etag")
        if tag is not None:
            exchange = stage.ask("GET", path, stage.owner, headers={"If-None-Match": tag})
            demand(exchange.status == 304 and not exchange.content, f"{exchange}\nto If-None-Match: {tag}; it must answer 304")

    @for_each(writes)
    def test_a_change_is_an_event(self, stage: Stage, endpoint: Endpoint) -> None:
        """At least one event is in the log; an operation that tells nobody is in `silent`, with the reason."""
        person = stage.world.organization()
        path, content = stage.prepared_path(endpoint, person), stage.content(endpoint, person)
        before = _read(stage, endpoint, path, person)
        happened = stage.events()
        exchange = stage.ask(endpoint.method, path, person if endpoint.needs_caller else None, **content)
        demand(exchange.succeeded, exchange)
        told = stage.events() > happened
        if name_of(endpoint) in self.silent:
            demand(not told, f"{exchange}\nand an event tells of it; remove {name_of(endpoint)!r} from `silent`")
        elif not told:
            is_same = before is not None and before == _read(stage, endpoint, path, person)
            cause = f"the body {content.get('body')} changes nothing; write another one in `samples`"
            advice = cause if is_same else "and no event tells of it; emit one, or give the reason in `silent`"
            demand(told, f"{exchange}\n{advice}")

    @for_each(can_be_tried)
    def test_a_dry_run_says_that_nothing_was_done(self, stage: Stage, endpoint: Endpoint) -> None:
        """200 with a message of its own, and no event."""
        path, content = stage.prepared_path(endpoint, stage.owner), stage.content(endpoint, stage.owner)
        happened = stage.events()
        exchange = stage.ask(endpoint.method, path, stage.owner, body={**content["body"], "dry_run": True})
        says_so = exchange.succeeded and exchange.body["message"].startswith("Nothing ")
        demand(says_so and exchange.status == 200, f'{exchange}\nto dry_run; it must answer 200, and say that "Nothing was …"')
        demand(stage.events() == happened, f"{exchange}\nto dry_run, and an event tells that something was done")

    @for_each(repeatable)
    def test_the_same_key_gives_the_same_answer_and_does_it_once(self, stage: Stage, endpoint: Endpoint) -> None:
        """A POST with an ``Idempotency-Key`` is replayed to the byte; another body under the key is refused."""
        person = stage.owner
        path, content = stage.prepared_path(endpoint, person), stage.content(endpoint, person)
        headers = {"Idempotency-Key": uuid4().hex}
        first = stage.ask("POST", path, person, headers=headers, **content)
        happened = stage.events()
        again = stage.ask("POST", path, person, headers=headers, **content)
        demand(first.succeeded, first)
        demand((again.status, again.content) == (first.status, first.content), f"{again}\nand the first time {first.content!r}")
        demand(again.headers.get("idempotency-replayed") == "true", f"{again}\nlacks Idempotency-Replayed: true")
        demand(stage.events() == happened, f"{again}\nand it was done twice: there are new events")
        other = stage.ask("POST", path, person, headers=headers, body={"another": "body"})
        demand(other.codes == {"Idempotency-Key": ["idempotency_key_reused"]}, f"{other}\nto another body under the same key")

    @for_each(deletes)
    def test_what_is_deleted_is_gone(self, stage: Stage, endpoint: Endpoint) -> None:
        """The answer names the id; a second DELETE, and every operation on it, is the 404 of nothing."""
        ids = stage.ids(endpoint, stage.owner, fresh=True)
        path = stage.filled(endpoint.template, ids)
        first = stage.ask("DELETE", path, stage.owner)
        demand(
            first.data == {"id": list(ids.values())[-1], "deleted": True},
            f"{first}\nit must answer with the id, and deleted: true",
        )
        for other in stage.endpoints.values():
            if other.template == endpoint.template:
                gone = stage.ask(other.method, path, stage.owner, **stage.content(other, stage.owner))
                demand(gone.codes == {"_": ["not_found"]}, f"{gone}\nafter it was deleted; it must answer 404 not_found")

    @for_each(patches)
    def test_the_reference_of_a_patch_has_no_defaults(self, stage: Stage, endpoint: Endpoint) -> None:
        """Nor required fields, in the objects within either: generated clients would send what nobody wrote."""
        place = stage.documented.default_in_patch(endpoint)
        demand(place is None, f"{name_of(endpoint)}: {place} has a default or required fields in the document")

    @for_each(patches)
    def test_a_patch_changes_what_it_names_and_nothing_else(self, stage: Stage, endpoint: Endpoint) -> None:
        """Neither another field, nor another member of an object of which one member is named."""
        path, body = stage.prepared_path(endpoint, stage.owner), dict(stage.content(endpoint, stage.owner).get("body", {}))
        before = stage.ask("GET", path, stage.owner).data
        for patch in (body, *_members(endpoint, before)):
            exchange = stage.ask("PATCH", path, stage.owner, body=patch)
            demand(exchange.succeeded, exchange)
            after = stage.ask("GET", path, stage.owner).data
            same = endpoint.body.load_fields.keys() & before.keys() - body.keys() if endpoint.body is not None else ()
            moved = {name: [before[name], after[name]] for name in same if before[name] != after[name]}
            demand(not moved, f"{exchange}\nwith {patch} changed what it does not name: {moved}")

    @for_each(patches)
    def test_a_patch_answers_what_a_read_answers(self, stage: Stage, endpoint: Endpoint) -> None:
        """The same fields with the same values, so that a client can keep the answer as its object."""
        if f"GET {endpoint.template}" not in stage.endpoints:
            return
        path = stage.prepared_path(endpoint, stage.owner)
        patched = stage.ask("PATCH", path, stage.owner, **stage.content(endpoint, stage.owner))
        read = stage.ask("GET", path, stage.owner)
        demand(patched.data == read.data, f"{patched}\nand a GET afterwards answers {read.data}")

    @for_each(_changes_an_object)
    def test_a_change_of_what_somebody_else_changed_is_refused(self, stage: Stage, endpoint: Endpoint) -> None:
        """412 ``version_conflict`` to an ``If-Match`` with another tag than the object has now, also where it has none."""
        path, content = stage.prepared_path(endpoint, stage.owner), stage.content(endpoint, stage.owner)
        exchange = stage.ask(endpoint.method, path, stage.owner, headers={"If-Match": '"999"'}, **content)
        demand(exchange.codes == {"_": ["version_conflict"]}, f"{exchange}\nto a stale If-Match; it must answer 412")


def _read(stage: Stage, endpoint: Endpoint, path: str, person: Person) -> Any:
    """What the object at the path of a PUT or PATCH is; None where it cannot be read."""
    is_read = endpoint.method in ("PUT", "PATCH") and f"GET {endpoint.template}" in stage.endpoints
    return stage.ask("GET", path, person).data if is_read else None


def _members(endpoint: Endpoint, before: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """A patch for each member of each object within that names it alone, with the value that it has."""
    for name, field in endpoint.body.load_fields.items() if endpoint.body is not None else ():
        held = before.get(name)
        if isinstance(field, Object) and isinstance(held, dict):
            known = field.schema.load_fields
            yield from ({name: {member: value}} for member, value in held.items() if member in known and value is not None)


def _headers(exchange: Exchange) -> dict[str, str]:
    return {name: value for name, value in exchange.headers.items() if name not in _OF_THE_BODY}
