"""The formats of entries: what their hashes are made of, and that one chain may have entries of both."""

import json
from collections.abc import Iterator
from hashlib import sha256, sha512
from typing import Any

import pytest

from aasim_core.app import App
from aasim_core.data.backends.connect import connect
from aasim_core.data.database import Database
from aasim_core.data.migrator import runner as migrations
from aasim_core.events.chain import formats, sealing
from aasim_core.events.chain.formats import CONTENTS, DIGESTS, NotWhole, after_erasing, new_salt
from aasim_core.testing.world import Person

from .conftest import Happen, Rows, Verified
from .tampering import tamper
from .test_chain import found

SALT = "00112233445566778899aabbccddeeff"
EVENT = {
    "id": "evt_1", "organization_id": "organization_1", "sequence": 2, "version": DIGESTS, "salt": SALT, "erased": None,
    "at": "2026-01-31T09:00:00.000Z", "actor_type": "user", "actor_id": "user_1", "actor_label": "ada@example.com",
    "actor_ip": "192.0.2.1", "name": "agents.updated", "subject_type": "agent", "subject_id": "agent_1", "subject_label": "Zwölf",
    "outcome": "success", "changes": '{"id":null,"name":["B","A"]}', "data": None, "request_id": None, "previous_hash": "ab",
    "subject_revision": 7,
}  # fmt: skip


PARTS = ("actor.label", "actor.ip", "subject.label", "changes", "data")
CONTENTS_OF_EVENT = {
    "actor.label": "ada@example.com",
    "actor.ip": "192.0.2.1",
    "subject.label": "Zwölf",
    "changes": {"id": None, "name": ["B", "A"]},
}


def key(part: str) -> str:
    start = 24 * PARTS.index(part)
    return sha512(SALT.encode()).hexdigest()[start : start + 24]


def digest(part: str, value: Any) -> str:
    """The digest of a content, by nothing but what the documentation says."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return sha256(bytes.fromhex(key(part)) + text.encode()).hexdigest()


def test_a_content_has_a_digest_with_a_key_of_its_own_and_an_empty_one_has_none() -> None:
    assert digests(EVENT) == {part: digest(part, value) for part, value in CONTENTS_OF_EVENT.items()}


def digests(event: dict[str, Any]) -> Any:
    left = after_erasing(event, PARTS)
    assert left is not None
    return left["digests"]


def test_the_same_content_of_two_events_has_two_digests() -> None:
    other = digests({**EVENT, "salt": new_salt()})
    assert all(other[part] != digest for part, digest in digests(EVENT).items())


def test_the_hash_is_that_of_a_list_of_what_is_known_and_of_the_digests() -> None:
    contents = [digest(part, value) for part, value in CONTENTS_OF_EVENT.items()]
    known = [
        "evt_1",
        "organization_1",
        2,
        "2026-01-31T09:00:00.000Z",
        "user",
        "user_1",
        "agents.updated",
        "agent",
        "agent_1",
        "success",
    ]
    text = json.dumps([DIGESTS, *known, None, 7, *contents, None, "ab"], separators=(",", ":"))
    assert formats.hash_of(EVENT) == sha256(text.encode()).hexdigest()


def test_the_hash_covers_the_digests_and_everything_that_is_never_erased() -> None:
    before = formats.hash_of(EVENT)
    others = {**EVENT, "changes": '{"id":1}', "data": "{}", "sequence": 3, "version": CONTENTS}
    del others["erased"], others["salt"]
    changed = {name: others[name] if others[name] != EVENT[name] else "other" for name in others}
    assert [name for name, value in changed.items() if formats.hash_of({**EVENT, name: value}) == before] == []


@pytest.mark.parametrize(
    ("changes", "version"),
    [('{"a":1,"b":{"c":2,"d":3}}', DIGESTS), ('{"a":1,"b":{"d":3,"c":2}}', CONTENTS), ('{"a": 1}', CONTENTS)],
)
def test_contents_whose_keys_are_not_sorted_are_hashed_themselves(changes: str, version: int) -> None:
    assert formats.format_of({**EVENT, "changes": changes}) == version


@pytest.mark.parametrize("values", [{"data": "{"}, {"erased": "{}"}, {"version": 3}], ids=str)
def test_an_entry_that_no_event_can_have_has_no_hash(values: dict[str, Any]) -> None:
    with pytest.raises(NotWhole):
        formats.hash_of({**EVENT, "version": CONTENTS, **values})


def test_what_is_no_json_is_hashed_by_its_digest() -> None:
    assert formats.format_of({**EVENT, "changes": "{"}) == DIGESTS


def test_erasing_leaves_the_hash_and_takes_what_the_erased_content_could_be_guessed_with() -> None:
    left = after_erasing(EVENT, ["actor.label", "data"])
    assert left is not None
    assert left["digests"] == {"actor.label": digest("actor.label", "ada@example.com")}
    assert left["keys"] == {part: key(part) for part in ("actor.ip", "subject.label", "changes", "data")}
    erased = {**EVENT, "actor_label": "", "salt": None, "erased": json.dumps(left)}
    assert formats.hash_of(erased) == formats.hash_of(EVENT)
    assert SALT not in erased["erased"] and key("actor.label") not in erased["erased"]


def test_what_has_been_erased_is_not_erased_again() -> None:
    erased = {**EVENT, "actor_label": "", "salt": None, "erased": json.dumps(after_erasing(EVENT, ["actor.label"]))}
    assert after_erasing(erased, ["actor.label"]) is None
    more = after_erasing(erased, ["actor.label", "actor.ip"])
    assert more is not None
    assert formats.hash_of({**erased, "actor_ip": None, "erased": json.dumps(more)}) == formats.hash_of(EVENT)


@pytest.fixture
def begun_before(app: App, happen: Happen, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three events that were sealed when entries hashed contents."""
    with monkeypatch.context() as before:
        before.setattr(sealing, "format_of", lambda row: CONTENTS)
        before.setattr(sealing, "new_salt", lambda: None)
        happen(3)


@pytest.mark.usefixtures("begun_before")
class TestChainThatBeganBefore:
    """A chain whose first entries hash contents."""

    def test_it_goes_on_with_digests_and_is_whole(self, happen: Happen, rows: Rows, verified: Verified) -> None:
        happen(2)
        assert [row["version"] for row in rows()] == [1, 1, 1, 2, 2]
        assert rows()[3]["previous_hash"] == rows()[2]["hash"]
        assert (verified().checked, found(verified())) == (5, [])

    @pytest.mark.parametrize("sequence", [2, 3, 4])
    def test_a_change_before_and_after_that_is_found(
        self, app: App, owner: Person, happen: Happen, verified: Verified, sequence: int
    ) -> None:
        happen(2)
        tamper(app.database, owner.organization_id, sequence, subject_label="Innocent")
        assert found(verified()) == [("changed", sequence, sequence)]


EARLIER = """
INSERT INTO core_event (id, organization_id, sequence, at, actor_type, actor_id, actor_label, actor_ip, name, subject_type,
subject_id, subject_label, outcome, changes, data, request_id, hash, previous_hash)
VALUES ('{id}', 'organization_1', {sequence}, '2026-01-31T09:00:00.000Z', 'user', 'user_1', 'ada@example.com', '192.0.2.1',
'agents.updated', 'agent', 'agent_1', 'Zwölf', 'success', NULL, NULL, NULL, {hash}, {previous_hash})
"""


@pytest.fixture
def migrated(empty_database_url: str, tmp_path: Any) -> Iterator[Database]:
    """A database whose core was migrated when it had two sealed events and a new one."""
    source = tmp_path / "migrations"
    source.mkdir()
    database = connect(empty_database_url)
    for path in sorted(migrations.CORE.glob("[0-9]*.py")):
        if path.name < "0070":
            (source / path.name).write_text(path.read_text(encoding="utf-8"), encoding="utf-8")
    migrations.migrate(database, [migrations.Source("core", source)])
    with database.connected(), migrations.system_scope("test"):
        for number, (sequence, own, before) in enumerate([("1", "'h1'", "NULL"), ("2", "'h2'", "'h1'"), ("NULL",) * 3]):
            database.execute_sql(EARLIER.format(id=f"evt_{number}", sequence=sequence, hash=own, previous_hash=before))
    migrations.migrate(database, [migrations.Source("core", migrations.CORE)])
    with database.connected(), migrations.system_scope("test"):
        yield database
    database.close_all()


def test_the_migration_keeps_the_places_and_hashes_of_what_is_sealed(migrated: Database) -> None:
    found = migrated.execute_sql(
        "SELECT event_id, sequence, version, hash, previous_hash, salt FROM core_event_entry ORDER BY sequence"
    )
    assert [tuple(row) for row in found.fetchall()] == [("evt_0", 1, 1, "h1", None, None), ("evt_1", 2, 1, "h2", "h1", None)]
