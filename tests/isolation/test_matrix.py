"""Every route, asked by everybody, about everything: nobody gets what is not theirs, nor a trace of it.

The cells are made from the operations table: a route that is added is in the matrix, with objects that the contract tests of its
plugin know how to make. Whoever should be refused sends what would do harm if they were not; whoever should be let through sends a
field that nobody knows, so that they are refused at the last moment.
"""

from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import uuid4

import pytest
from marshmallow import Schema

from aasim_core.bootstrap import build_app
from aasim_core.context import organization_scope
from aasim_core.data.records import is_tenant
from aasim_core.http.operations import Endpoint
from aasim_core.ids import is_id
from aasim_core.testing.apps import settings_in
from aasim_core.testing.contract.exchanges import Exchange, difference, envelope_flaw
from aasim_core.testing.contract.stage import TENANT, name_of, running
from aasim_core.testing.contract.terms import is_list
from aasim_core.testing.databases import Databases
from aasim_core.testing.world import Person

from .attempts import questions, refer, references, told_of
from .canaries import ids_in, marks_in, tried_in
from .ground import HERE, Family, Ground, nowhere
from .matrix import UNKNOWN_FIELD, Cell, Matrix
from .people import UNSAID, due


@cache
def _endpoints() -> Mapping[str, Endpoint]:
    """All operations of the full app; those beside the API have the contract of their plugin."""
    with TemporaryDirectory() as folder:
        endpoints = build_app(settings_in(Path(folder), {})).endpoints
        return {name_of(endpoint): endpoint for endpoint in endpoints if endpoint.in_api}


def each(*, which: Any = lambda endpoint: True) -> pytest.MarkDecorator:
    """Run the test for each operation that `which` says yes to."""
    return pytest.mark.parametrize("name", [name for name, endpoint in _endpoints().items() if which(endpoint)])


@pytest.fixture(scope="module")
def matrix(shared_databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Matrix]:
    """The full app over a database of each kind, with everybody and everything in it."""
    folder = tmp_path_factory.mktemp("matrix")
    sources = build_app(settings_in(folder, {})).migration_sources
    with shared_databases.lent(sources) as database, running(settings_in(folder, {**HERE, **database})) as app:
        yield Matrix(Ground(app))


@each()
def test_everybody_gets_the_answer_that_the_declaration_promises(matrix: Matrix, name: str) -> None:
    endpoint = matrix.endpoints[name]
    wrong = []
    for cell in matrix.cells(name):
        wanted = due(matrix.ground, endpoint, cell.principal, cell.family)
        codes = {code for codes in cell.exchange.codes.values() for code in codes}
        if wanted not in (None, UNSAID) and codes != {wanted}:
            wrong.append(f"{cell}\n    it should be refused with {wanted}")
        if wanted is None and not _let_through(endpoint, cell.exchange):
            wrong.append(f"{cell}\n    it should be let through")
    assert not wrong, _report(wrong)


def _report(wrong: list[str]) -> str:
    more = f"\n… and {len(wrong) - 8} more" if len(wrong) > 8 else ""
    return "\n" + "\n".join(wrong[:8]) + more


def _let_through(endpoint: Endpoint, exchange: Exchange) -> bool:
    if endpoint.writes:
        return exchange.status == 422 and exchange.codes.get("no_such_field") == ["unknown_field"]
    # What is the caller's own may ask for more than a credential, as the health in detail does.
    return exchange.succeeded or (endpoint.permission is None and exchange.status == 403)


@each()
def test_what_is_not_there_for_somebody_is_like_what_never_was(matrix: Matrix, name: str) -> None:
    endpoint = matrix.endpoints[name]
    nothing = {cell.principal.name: cell.exchange for cell in matrix.cells(name) if cell.about == "nothing"}
    wrong = []
    for cell in matrix.cells(name):
        if endpoint.path_ids and due(matrix.ground, endpoint, cell.principal, cell.family) == "not_found":
            flaw = difference(cell.exchange, nothing[cell.principal.name])
            wrong += [f"{cell}\n    {flaw}"] if flaw else []
    assert not wrong, _report(wrong)


@each()
def test_no_answer_has_a_trace_of_what_is_not_for_its_reader(matrix: Matrix, name: str) -> None:
    wrong = []
    for cell in matrix.cells(name):
        seen = marks_in(cell.exchange, _hidden_from(matrix.ground, name, cell))
        if cell.principal.is_stranger:
            given = set(cell.exchange.asked.split("/")) | tried_in(cell.exchange)
            seen += sorted((ids_in(cell.exchange) & matrix.ground.ids_at_home) - given)
        wrong += [f"{cell}\n    it shows {', '.join(seen)}"] if seen else []
    assert not wrong, _report(wrong)


def _hidden_from(ground: Ground, name: str, cell: Cell) -> tuple[str, ...]:
    """The canaries that the answer may not have: all of them in a refusal, and those of other places in a success."""
    if cell.principal.is_stranger or cell.exchange.status >= 400:
        return ground.marks_at_home
    hidden = [ground.foreign.mark]
    if cell.principal.node_id is not None and name not in ground.hints.everywhere:
        hidden.append(ground.sibling.mark)
    return tuple(hidden)


@each()
def test_every_answer_has_the_form_that_all_have(matrix: Matrix, name: str) -> None:
    endpoint = matrix.endpoints[name]
    wrong = []
    for cell in matrix.cells(name):
        plain = endpoint.operation.plain and cell.exchange.succeeded
        flaw = None if plain else envelope_flaw(cell.exchange, matrix.ground.own.app.error_codes)
        wrong += [f"{cell}\n    {flaw}"] if flaw else []
    assert not wrong, _report(wrong)


def _is_marked(endpoint: Endpoint) -> bool:
    return bool(endpoint.method == "GET" and endpoint.path_ids and endpoint.permission and not endpoint.resource.common)


@each(which=_is_marked)
def test_the_canaries_are_where_their_owner_looks(matrix: Matrix, name: str) -> None:
    endpoint, own = matrix.endpoints[name], matrix.ground.own
    pages = pages_of(own, own.path(endpoint, own.person), own.person)
    # Where an object has no text of its own, it names its owner or the house.
    assert any(marks_in(page, [own.mark, matrix.ground.house_mark]) for page in pages)


def pages_of(family: Family, path: str, person: Person | None, headers: Mapping[str, str] | None = None) -> list[Exchange]:
    """The answer to a GET, and of a list all its pages."""
    pages = [family.ask("GET", path, person, headers=headers)]
    while cursor := ((pages[-1].data or {}).get("pagination") or {}).get("next_cursor"):
        pages.append(family.ask("GET", f"{path}{'&' if '?' in path else '?'}cursor={cursor}", person, headers=headers))
    return pages


@each(which=lambda endpoint: is_list(endpoint) and "id" in endpoint.reply.dump_fields)
def test_a_list_shows_exactly_what_can_be_read_one_by_one(matrix: Matrix, name: str) -> None:
    endpoint, wrong = matrix.endpoints[name], []
    for principal in (each for each in matrix.principals if not (each.headers and TENANT in endpoint.path_ids)):
        for family in matrix.ground.families:
            path = family.filled(endpoint.template, family.place_of(endpoint)) + "?limit=100&include=total"
            pages = pages_of(family, path, principal.person, principal.headers)
            answer = pages[0]
            if not answer.succeeded:
                continue
            listed = {item["id"] for page in pages for item in page.data["items"]}
            hidden = {record for record in listed if not matrix.can_read(principal, record)}
            forgotten = {record for record in matrix.records_of(endpoint) - listed if matrix.can_read(principal, record)}
            if hidden or forgotten or answer.data["pagination"]["total"] != len(listed):
                wrong.append(f"{principal.name}: {answer.asked} shows {hidden} and forgets {forgotten}, or counts otherwise")
    assert not wrong, _report(wrong)


@each(which=is_list)
def test_no_filter_finds_anything_of_another_organization(matrix: Matrix, name: str) -> None:
    endpoint, own, foreign = matrix.endpoints[name], matrix.ground.own, matrix.ground.foreign
    [item, *_] = own.ask("GET", own.path(endpoint, own.person), own.person).data["items"]
    path = foreign.path(endpoint, foreign.person)
    wrong = []
    for question in questions(endpoint.operation.query, item, own.mark):
        exchange = foreign.ask("GET", f"{path}?include=total&{question}", foreign.person)
        ids = ids_in(exchange) & matrix.ground.ids_at_home - told_of(exchange)
        seen = marks_in(exchange, matrix.ground.marks_at_home) + sorted(ids)
        counted = own.mark in question and exchange.succeeded and exchange.data["pagination"]["total"]
        wrong += [f"{exchange}\n    it shows {seen or counted}"] if seen or counted else []
    assert not wrong, _report(wrong)


@each(which=is_list)
def test_a_cursor_of_one_organization_is_none_of_another(matrix: Matrix, name: str) -> None:
    endpoint, own, foreign = matrix.endpoints[name], matrix.ground.own, matrix.ground.foreign
    path = own.path(endpoint, own.person)
    listed = own.ask("GET", path, own.person).data["items"]
    if name not in own.hints.fixed:
        own.multiply(listed[0], own.person, 1)
    cursor = own.ask("GET", f"{path}?limit=1", own.person).data["pagination"]["next_cursor"]
    exchange = foreign.ask("GET", f"{foreign.path(endpoint, foreign.person)}?limit=1&cursor={cursor}", foreign.person)
    assert exchange.codes == {"cursor": ["invalid_cursor"]}, exchange


@each(which=lambda endpoint: endpoint.path_ids and endpoint.permission)
def test_neither_tags_nor_methods_tell_that_an_object_is_there(matrix: Matrix, name: str) -> None:
    endpoint, own, foreign = matrix.endpoints[name], matrix.ground.own, matrix.ground.foreign
    ids = own.place_of(endpoint)
    elsewhere = {field: nowhere(value) if is_id(value) else value for field, value in ids.items()}
    content = {"body": UNKNOWN_FIELD} if endpoint.writes else {}
    for method, headers in (
        (endpoint.method, {"If-None-Match": '"1"'}),
        (endpoint.method, {"If-Match": '"999"'}),
        (endpoint.method, {"Accept": "text/event-stream"}),
        ("HEAD", {}),
        ("OPTIONS", {}),
    ):
        there, nowhere_else = (
            foreign.ask(method, own.filled(endpoint.template, which), foreign.person, headers=headers, **content)
            for which in (ids, elsewhere)
        )
        assert difference(there, nowhere_else) is None, f"{there}\n{nowhere_else}"


@each(which=lambda endpoint: isinstance(endpoint.operation.body, Schema) and endpoint.permission)
def test_a_reference_to_what_is_at_home_is_like_one_to_nothing(matrix: Matrix, name: str) -> None:
    endpoint, foreign = matrix.endpoints[name], matrix.ground.foreign
    body = foreign.body(endpoint, foreign.person)
    path = foreign.path(endpoint, foreign.person)
    wrong = []
    for field, home_id in references(matrix, endpoint):
        there, nowhere_else = (
            foreign.ask(endpoint.method, path, foreign.person, body={**body, **refer(endpoint, field, value)})
            for value in (home_id, nowhere(home_id))
        )
        flaw = difference(there, nowhere_else)
        wrong += [f"{there}\n    with {home_id} in {field}, {flaw} with an id of nothing"] if flaw else []
    assert not wrong, _report(wrong)


@each(which=lambda endpoint: endpoint.method == "POST" and endpoint.permission and not endpoint.path_ids)
def test_an_idempotency_key_of_one_organization_is_none_of_another(matrix: Matrix, name: str) -> None:
    endpoint, own, foreign = matrix.endpoints[name], matrix.ground.own, matrix.ground.foreign
    headers = {"Idempotency-Key": uuid4().hex}
    with matrix.meant():
        first, other = (
            family.ask("POST", endpoint.template, family.person, body=family.sample_body(endpoint), headers=headers)
            for family in (own, foreign)
        )
    assert first.succeeded, first
    assert "idempotency-replayed" not in other.headers
    assert "idempotency_key_reused" not in str(other.codes), other
    assert ids_in(first) & ids_in(other) == set()


@each(which=lambda endpoint: endpoint.operation.stream)
def test_a_stream_shows_its_owner_everything_and_others_nothing(matrix: Matrix, name: str) -> None:
    endpoint, own = matrix.endpoints[name], matrix.ground.own
    accept = {"Accept": "text/event-stream"}
    shown = own.ask("GET", own.path(endpoint, own.person), own.person, headers=accept)
    assert shown.headers["content-type"].startswith("text/event-stream")
    assert marks_in(shown, [own.mark]) == [own.mark]
    for principal in (principal for principal in matrix.principals if principal.is_stranger):
        headers = {**principal.headers, **accept}
        exchange = own.ask("GET", own.path(endpoint, own.person), principal.person, headers=headers)
        assert exchange.status in (401, 403, 404), f"{principal.name}: {exchange}"
        assert marks_in(exchange, matrix.ground.marks_at_home) == []


def test_no_table_shows_one_organization_a_row_of_another(matrix: Matrix) -> None:
    ground = matrix.ground
    with organization_scope(ground.away.organization_id):
        models = [model for model in ground.app.models if is_tenant(model)]
        shown = {model._meta.table_name: repr(list(model.select().tuples())) for model in models}
    leaks = {table for table, text in shown.items() if any(mark in text for mark in ground.marks_at_home)}
    assert leaks == set()
    assert any(ground.foreign.mark in text for text in shown.values())


def test_nothing_at_home_has_changed_by_what_was_refused(matrix: Matrix) -> None:
    for name in matrix.endpoints:
        matrix.cells(name)
    changed = [
        table for table, rows in matrix.ground.rows(matrix.ground.home).items() if set(matrix.untouched[table]) - set(rows)
    ]
    assert changed == []
