"""Exports: their three formats, what they leave out, how much memory they take, and how they end when they cannot go on."""

import csv
import io
import json
import tracemalloc
from hashlib import sha256, sha512
from typing import Any

import pytest

from aasim_core.app import App
from aasim_core.context import system_scope
from aasim_core.events.chain import sealing
from aasim_core.events.chain.erasing import erase_some
from aasim_core.events.chain.sealing import seal_everything
from aasim_core.resources import exports, streams
from aasim_core.resources.exports import harmless
from aasim_core.testing.principals import log_out
from aasim_core.testing.world import Person

from .conftest import Fill

#: What an export may take in memory, however long it is.
MOST_BYTES = 6_000_000


def read_csv(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def read_lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


@pytest.mark.long
def test_all_formats_hold_the_same_the_oldest_first(owner: Person, fill: Fill) -> None:
    fill(owner, 1201)
    whole = owner.client.get("/activities/export").data
    lines = owner.client.get("/activities/export?format=jsonl")
    table = owner.client.get("/activities/export?format=csv")
    assert whole["count"] == 1201
    assert [item["occurred_at"] for item in whole["items"]] == sorted(item["occurred_at"] for item in whole["items"])
    assert lines.headers["content-type"] == "application/x-ndjson; charset=utf-8"
    assert table.headers["content-type"] == "text/csv; charset=utf-8"
    # Each export is an activity itself.
    ids = [item["id"] for item in whole["items"]]
    assert [item["id"] for item in read_lines(lines.body)][:1201] == ids
    assert [row["id"] for row in read_csv(table.body)][:1201] == ids
    first, row = whole["items"][1], read_csv(table.body)[1]
    assert row["actor_label"] == first["actor"]["label"] and json.loads(row["changes"]) == first["changes"]


@pytest.mark.long
def test_an_export_has_what_its_filters_say(owner: Person, fill: Fill) -> None:
    fill(owner, 2000)
    assert owner.client.get("/activities/export?outcome=denied").data["count"] == 2
    assert len(read_csv(owner.client.get("/activities/export?format=csv&outcome=denied").body)) == 2
    assert owner.client.get("/activities/export?limit=5").codes == {"limit": ["unknown_parameter"]}
    assert owner.client.get("/activities/export?format=xml").codes == {"format": ["invalid_parameter"]}


def test_an_export_is_an_activity(owner: Person) -> None:
    owner.client.get("/activities/export?format=jsonl&outcome=denied")
    [activity] = owner.client.get("/activities").data["items"]
    assert (activity["action"], activity["data"]) == ("activities.exported", {"format": "jsonl", "filters": "outcome=denied"})


def test_more_than_json_can_have_is_refused_with_what_to_do(owner: Person, fill: Fill, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exports, "MOST_IN_JSON", 20)
    fill(owner, 21)
    answer = owner.client.get("/activities/export")
    assert (answer.status, answer.codes) == (400, {"format": ["invalid_parameter"]})
    assert "format=csv or format=jsonl" in answer.body["errors"]["format"][0]["message"]
    assert len(read_lines(owner.client.get("/activities/export?format=jsonl").body)) == 21


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", " =1+1", "\t=1+1", "\rx", "\nx", "＝1+1"])
def test_what_a_spreadsheet_would_take_for_a_formula_is_made_a_text(text: str) -> None:
    assert harmless(text) == f"'{text}"


@pytest.mark.parametrize("value", ["", "a=b", "2026-01-31T09:00:00.000Z", '{"name": ["=1", "-2"]}', 7])
def test_everything_else_is_as_it_is(value: Any) -> None:
    assert harmless(value) == value


def test_a_name_that_is_a_formula_is_harmless_in_a_table(owner: Person) -> None:
    owner.client.post("/agents", {"name": '=HYPERLINK("http://example.com","click")'})
    [row] = read_csv(owner.client.get("/activities/export?format=csv").body)
    assert row["subject_label"] == '\'=HYPERLINK("http://example.com","click")'


@pytest.mark.parametrize("version", [1, 2, 3])
def test_anybody_can_compute_the_hashes_of_exported_lines(
    app: App, owner: Person, monkeypatch: pytest.MonkeyPatch, version: int
) -> None:
    for name in ("One", "Zwölf", "3"):
        owner.client.post("/agents", {"name": name})
    if version != 3:
        monkeypatch.setattr(sealing, "format_of", lambda row: version)
    seal_everything(app.database, app.keyring)
    activities = read_lines(owner.client.get("/activities/export?format=jsonl").body)
    assert [hash_of(each) for each in activities] == [each["hash"] for each in activities]
    assert [each["previous_hash"] for each in activities] == [None, *[each["hash"] for each in activities[:-1]]]
    with app.database.connected(), system_scope("test"):
        erase_some(app.database, app.keyring, owner.organization_id, owner.user_id)
    erased = read_lines(owner.client.get("/activities/export?format=jsonl").body)[:3]
    assert {each["actor"]["label"] for each in erased} == {""}
    assert version == 1 or [hash_of(each) for each in erased] == [each["hash"] for each in activities]


PARTS = ("actor.label", "actor.ip", "subject.label", "changes", "data")


def hash_of(activity: dict[str, Any]) -> str:
    """The hash of an exported activity, by nothing but what the documentation says."""
    actor, subject = activity["actor"], activity["subject"]
    if activity["hash_version"] == 1:
        others = ("occurred_at", "hash", "hash_version", "salt", "erased", "subject_revision")
        hashed: Any = {name: activity[name] for name in activity if name not in others} | {"at": activity["occurred_at"]}
    else:
        contents = (actor["label"], actor["ip"], subject["label"], activity["changes"], activity["data"])
        hashed = [
            2, activity["id"], activity["organization_id"], activity["sequence"], activity["occurred_at"],
            actor["type"], actor["id"],
            activity["action"], subject["type"], subject["id"], activity["outcome"], activity["request_id"],
            activity["subject_revision"],
            *(digest_of(activity, part, value) for part, value in zip(PARTS, contents, strict=True)), activity["previous_hash"],
        ]  # fmt: skip
    return sha256(text_of(hashed).encode()).hexdigest()


def digest_of(activity: dict[str, Any], part: str, value: Any) -> str | None:
    erased = activity["erased"] or {"digests": {}, "keys": {}}
    if part in erased["digests"]:
        return str(erased["digests"][part])
    start = 24 * PARTS.index(part)
    key = erased["keys"].get(part) or sha512(str(activity["salt"]).encode()).hexdigest()[start : start + 24]
    return None if value is None else sha256(bytes.fromhex(key) + text_of(value).encode()).hexdigest()


def text_of(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


@pytest.mark.parametrize("count", [5_000, pytest.param(25_000, marks=pytest.mark.long)])
@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_an_export_of_any_length_takes_little_memory(app: App, owner: Person, fill: Fill, form: str, count: int) -> None:
    fill(owner, count)
    lines = sum(piece.count(b"\n") for piece in owner.client.pieces("/activities/export?format=csv&outcome=denied"))
    assert lines  # everything that is kept once is there
    tracemalloc.start()
    try:
        lines = sum(piece.count(b"\n") for piece in owner.client.pieces(f"/activities/export?format={form}"))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert lines >= count
    assert peak < MOST_BYTES


@pytest.mark.long
@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_an_export_that_the_server_ends_says_that_it_is_not_complete(app: App, owner: Person, fill: Fill, form: str) -> None:
    fill(owner, 2000)
    export = owner.client.pieces(f"/activities/export?format={form}")
    sent = [next(export), next(export)]
    app.draining.set()
    sent += export
    last = b"".join(sent).decode().splitlines()[-1]
    assert "The server is stopping" in last
    assert b"".join(sent).count(b"\n") < 2000


@pytest.mark.long
def test_an_export_ends_when_its_reader_has_logged_out(
    app: App, owner: Person, fill: Fill, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "RECHECK_SECONDS", 0)
    fill(owner, 2000)
    export = owner.client.pieces("/activities/export?format=jsonl")
    sent = [next(export), next(export)]
    log_out(app, owner)
    sent += export
    assert read_lines(b"".join(sent).decode())[-1]["errors"] == {
        "_": [{"code": "invalid_token", "message": "The session has ended, or the permission was taken away."}]
    }


@pytest.mark.long
def test_an_export_gives_its_place_back(app: App, owner: Person, fill: Fill) -> None:
    fill(owner, 10)
    for _ in range(app.settings.server.threads + 1):
        assert owner.client.get("/activities/export?format=csv").status == 200
        assert owner.client.ask("HEAD", "/activities/export?format=csv").status == 200


def test_too_many_exports_at_once_are_refused(app: App, owner: Person, fill: Fill) -> None:
    fill(owner, 10)
    places = max(1, app.settings.server.threads * 3 // 4)
    running = [owner.client.pieces("/activities/export?format=csv") for _ in range(places)]
    for export in running:
        next(export)
    assert owner.client.get("/activities/export?format=csv").codes == {"_": ["unavailable"]}
    running.pop().close()
    assert owner.client.get("/activities/export?format=csv").status == 200
