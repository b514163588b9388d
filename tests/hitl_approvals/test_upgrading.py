"""An upgrade keeps what people have voted, under the names of today."""

from importlib import import_module
from pathlib import Path
from typing import Any

import orjson
import peewee

from aasim_core.context import system_scope
from aasim_core.data.backends.connect import connect

_MIGRATIONS = "aasim_plugins.hitl_approvals.migrations"
_FOLDER = Path(str(import_module("aasim_plugins.hitl_approvals").__file__)).parent / "migrations"
_NEW = "0030_names"
_AT = "2026-01-31T09:00:00.000Z"
_OLD = {"by": "user_1", "at": _AT, "comment": "x", "edits": {"by": 1}}
_APPROVAL = {
    "id": "approval_1", "version": 1, "created_at": _AT, "updated_at": _AT, "organization_id": "organization_1", "kind": "tool_call",
    "status": "approved", "title": "Refund", "summary": "", "action_hash": "x", "editable": "[]", "risk": "low", "risk_rank": 0,
    "requested_by": "user_1", "own_requests": False, "assignees": "[]", "level": 1, "quorum": 1, "policy_quorum": 1,
    "votes": orjson.dumps([_OLD]).decode(), "due_seconds": 60, "due_at": _AT, "decision": orjson.dumps(_OLD).decode(),
}  # fmt: skip


def test_votes_and_decisions_get_the_names_of_today(empty_database_url: str) -> None:
    database: Any = connect(empty_database_url)
    with database.connected(), system_scope("test a migration"):
        for name in sorted(file.stem for file in _FOLDER.glob("0*.py") if file.stem < _NEW):
            import_module(f"{_MIGRATIONS}.{name}").up(None, database)
        peewee.Table("hitl_approvals_approval", tuple(_APPROVAL), _database=database).insert(_APPROVAL).execute()

        import_module(f"{_MIGRATIONS}.{_NEW}").up(None, database)

        approvals: Any = peewee.Table("hitl_approvals_approval", ("initiator_id", "votes", "decision"), _database=database)
        [found] = approvals.select(approvals.initiator_id, approvals.votes, approvals.decision).tuples()
    database.close_all()
    new = {"user_id": "user_1", "decided_at": _AT, "comment": "x", "edits": {"by": 1}}
    assert (found[0], orjson.loads(found[1]), orjson.loads(found[2])) == ("user_1", [new], new)
