"""Taking everything along: what an organization's export has, what it never has, and who gets it."""

import json
import re
import time
import tracemalloc
from collections.abc import Mapping, Sequence
from typing import Any

import peewee
import pytest

from aasim_core.app import App
from aasim_core.context import organization_scope
from aasim_core.data.fields import DigestField, SealedField
from aasim_core.data.records import insert_rows
from aasim_core.identity.records import ApiKey
from aasim_core.resources import takeout
from aasim_core.resources.table_rows import ROWS_AT_ONCE, is_dumped
from aasim_core.testing.world import Person, World
from aasim_plugins.agents.models import Agent
from aasim_plugins.executions.models import LogEntry

#: What an export may take in memory, however long it is.
MOST_BYTES = 6_000_000
#: How columns of text are called that may hold secrets, or what they are recognised by; and those that are called so and are harmless.
SUSPICIOUS = re.compile(r"password|digest|secret|token|hash|seal|api_key|credential|private")
HARMLESS = {"action_hash", "digest", "hash", "previous_hash", "api_key_id", "zone_digest"}


@pytest.fixture
def owner(world: World) -> Person:
    """The owner of Acme."""
    return world.organization("Acme")


def path_of(person: Person) -> str:
    return f"/organizations/{person.organization_id}/export"


def exported(person: Person) -> list[Mapping[str, Any]]:
    """The lines that the person gets."""
    answer = person.client.get(path_of(person))
    assert answer.status == 200, answer.body
    return [json.loads(line) for line in answer.body.splitlines()]


def rows(lines: Sequence[Mapping[str, Any]], table: str) -> list[Mapping[str, Any]]:
    return [line["row"] for line in lines if line["table"] == table]


def fill_log(app: App, owner: Person, count: int) -> None:
    """Write so many lines of an execution's log."""
    told = {
        "organization_id": owner.organization_id,
        "execution_id": "exec_1",
        "level": "info",
        "event": "said",
        "message": "word " * 20,
    }
    with app.database.connected(), organization_scope(owner.organization_id), app.database.transaction():
        insert_rows(LogEntry, [LogEntry(sequence=n, occurred_at="2026-01-31T09:00:00.000Z", **told).row() for n in range(count)])


def test_every_table_of_the_plugins_is_in_it_with_types_as_json_has_them(world: World, owner: Person) -> None:
    member = world.member(owner, "viewer")
    owner.client.post("/agents", {"name": "One", "tags": ["a"], "visibility": "private"})
    owner.client.post("/branches", {"name": "Vienna", "code": "VIE"})
    lines = exported(owner)
    assert (lines[0]["table"], lines[0]["row"]["name"]) == ("core_organization", "Acme")
    assert [(agent["name"], agent["tags"]) for agent in rows(lines, "agents_agent")] == [("One", ["a"])]
    assert [branch["code"] for branch in rows(lines, "branches_branch")] == ["VIE"]
    assert {role["built_in"] for role in rows(lines, "core_role")} == {True}
    assert {each["user_id"] for each in rows(lines, "core_membership")} == {owner.user_id, member.user_id}
    assert all("@" in each["email"] for each in rows(lines, "core_membership"))
    assert "agents.created" in {event["name"] for event in rows(lines, "core_event")}


def test_nothing_of_another_organization_is_in_it(world: World, owner: Person) -> None:
    other = world.organization("Somebody else's")
    other.client.post("/agents", {"name": "Foreign"})
    assert "Foreign" not in json.dumps(exported(owner))
    assert {line["row"].get("organization_id", owner.organization_id) for line in exported(owner)} == {owner.organization_id}


@pytest.mark.long
def test_tables_longer_than_a_piece_are_in_it_once_and_whole(app: App, world: World, owner: Person) -> None:
    count = 2 * ROWS_AT_ONCE + 1
    with app.database.connected(), organization_scope(owner.organization_id), app.database.transaction():
        agents = [Agent(name=f"Agent {n}", slug=f"agent-{n}", owner_id=owner.user_id).row() for n in range(count)]
        insert_rows(Agent, agents)
    fill_log(app, owner, count)
    lines = exported(owner)
    assert sorted(agent["name"] for agent in rows(lines, "agents_agent")) == sorted(agent["name"] for agent in agents)
    assert [entry["sequence"] for entry in rows(lines, "executions_log")] == list(range(count))


@pytest.mark.long
@pytest.mark.parametrize("pieces", range(1, 6))
def test_an_export_that_was_cut_off_goes_on_where_it_stopped(app: App, owner: Person, pieces: int) -> None:
    fill_log(app, owner, 2 * ROWS_AT_ONCE + 1)
    whole = owner.client.get(path_of(owner)).body.splitlines()
    export = owner.client.pieces(path_of(owner))
    lines = [line for _ in range(pieces) for line in next(export).decode().splitlines()]
    export.close()
    after = [json.loads(line).get("after") for line in lines]
    kept = next((number for number in range(len(lines), 0, -1) if after[number - 1]), 0)
    rest = owner.client.get(f"{path_of(owner)}?after={after[kept - 1]}" if kept else path_of(owner)).body.splitlines()
    tables = {"core_event"}  # each export is an event itself
    met, expected = ([json.loads(line) for line in some] for some in ([*lines[:kept], *rest], whole))
    shown, wanted = ([line["row"] for line in some if line["table"] not in tables] for some in (met, expected))
    assert shown == wanted


def test_the_last_line_of_an_export_that_is_not_complete_says_where_to_go_on(app: App, owner: Person) -> None:
    fill_log(app, owner, 2 * ROWS_AT_ONCE + 1)
    export = owner.client.pieces(path_of(owner))
    sent = [next(export) for _ in range(3)]
    app.draining.set()
    sent += export
    app.draining.clear()
    *lines, last = [json.loads(line) for line in b"".join(sent).splitlines()]
    [problem] = last["errors"]["_"]
    assert problem["meta"]["after"] == lines[-1]["after"]
    assert owner.client.get(f"{path_of(owner)}?after={problem['meta']['after']}").status == 200


def test_an_export_goes_on_with_a_place_of_its_own_only(world: World, owner: Person) -> None:
    other = world.organization("Other")
    places = [line["after"] for line in exported(other) if "after" in line]
    for place in (places[0], "x", f"{places[0][:-2]}AA"):
        assert owner.client.get(f"{path_of(owner)}?after={place}").codes == {"after": ["invalid_cursor"]}


def test_an_export_takes_as_long_as_it_is_read(app: App, owner: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    moment = 0.0
    monkeypatch.setattr(time, "monotonic", lambda: moment)
    fill_log(app, owner, 2 * ROWS_AT_ONCE + 1)
    told = []
    for pause in (899.0, 901.0):
        lines = []
        for piece in owner.client.pieces(path_of(owner)):
            lines += piece.splitlines()
            moment += pause
        told.append((len(lines) > 2 * ROWS_AT_ONCE, b"Nothing was read for 15 minutes" in lines[-1]))
    assert told == [(True, False), (False, True)]


@pytest.mark.long
def test_an_export_takes_as_much_memory_however_long_it_is(app: App, owner: Person) -> None:
    fill_log(app, owner, 30 * ROWS_AT_ONCE)
    sum(1 for _ in owner.client.pieces(path_of(owner)))  # what is compiled once is there
    tracemalloc.start()
    try:
        length = sum(len(piece) for piece in owner.client.pieces(path_of(owner)))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert length > 2 * peak
    assert peak < MOST_BYTES


def test_no_column_that_may_hold_a_secret_is_in_it(app: App) -> None:
    exported_columns = {(dump.table, column) for dump in takeout.dumps(app) for column in dump.columns}
    suspicious = {
        f"{model._meta.table_name}.{field.name}"
        for model in app.models
        for field in model._meta.sorted_fields
        if isinstance(field, peewee.TextField) and SUSPICIOUS.search(field.name) and field.name not in HARMLESS
        if (model._meta.table_name, field.name) in exported_columns
    }
    assert not suspicious, "make each a SealedField or DigestField, or call it harmless here"


def test_sealed_values_and_digests_are_left_out(app: App) -> None:
    secret = {
        (model._meta.table_name, field.name)
        for model in app.models
        for field in model._meta.sorted_fields
        if isinstance(field, SealedField | DigestField)
    }
    assert {("core_api_key", "digest"), ("engines_engine", "api_key")} <= secret
    assert not secret & {(dump.table, column) for dump in takeout.dumps(app) for column in dump.columns}
    assert {dump.table for dump in takeout.dumps(app)} == {model._meta.table_name for model in app.models if is_dumped(model)}


def test_a_key_is_in_it_without_what_it_can_be_used_or_recognised_by(app: App, owner: Person) -> None:
    body = {"name": "CI", "scopes": ["agents:read"]}
    shown = owner.client.post("/api-keys", body, idempotency_key="once").data["key"]
    with app.database.connected(), organization_scope(owner.organization_id):
        digest = ApiKey.get().digest
    text = owner.client.get(path_of(owner)).body
    assert '"name":"CI"' in text
    assert shown not in text and digest not in text


def test_owners_only_get_it_and_with_a_session_only(world: World, owner: Person) -> None:
    admin, stranger = world.member(owner, "admin"), world.organization("Other")
    assert admin.client.get(path_of(owner)).codes == {"_": ["permission_denied"]}
    assert stranger.client.get(path_of(owner)).codes == {"_": ["not_found"]}


def test_the_answer_to_a_deletion_names_it_and_it_works_until_the_end(owner: Person) -> None:
    owner.client.post("/agents", {"name": "One"})
    answer = owner.client.delete(f"/organizations/{owner.organization_id}")
    assert f"/api/v1{path_of(owner)}" in answer.body["message"]
    assert [agent["name"] for agent in rows(exported(owner), "agents_agent")] == ["One"]


def test_the_log_tells_who_took_it(owner: Person) -> None:
    exported(owner)
    told = owner.client.get("/activities?action=organizations.exported&occurred_at[gte]=2020-01-01T00:00:00Z").data["items"]
    assert [each["actor"]["id"] for each in told] == [owner.user_id]


def test_asking_for_the_head_writes_nothing(owner: Person) -> None:
    answer = owner.client.ask("HEAD", path_of(owner))
    assert (answer.status, answer.headers["content-type"]) == (200, takeout.MEDIA_TYPE)
    assert not owner.client.get("/activities?action=organizations.exported&occurred_at[gte]=2020-01-01T00:00:00Z").data["items"]
