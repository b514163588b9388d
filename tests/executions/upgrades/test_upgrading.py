"""An upgrade keeps what runs have used and why they failed."""

from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import peewee
import pytest

from aasim_core.context import system_scope
from aasim_core.data.backends.connect import connect

_MIGRATIONS = "aasim_plugins.executions.migrations"
_FOLDER = Path(str(import_module("aasim_plugins.executions").__file__)).parent / "migrations"
_NEW = "0007_usage_initiator_and_filters"
_AT = "2026-01-01T00:00:00.000Z"
_ROW = {"version": 1, "created_at": _AT, "updated_at": _AT, "organization_id": "org"}
_RUN = {
    **_ROW, "kind": "agent", "status": "running", "attempt": 1, "input_tokens": 0, "output_tokens": 0, "metadata": "{}",
    "trigger": '{"type":"api","id":null}',
}  # fmt: skip
_STEP = {**_ROW, "execution_id": "exec_2", "name": "engine", "started_at": _AT, "finished_at": _AT}


def _insert(database: Any, table: str, **values: Any) -> None:
    peewee.Table(table, tuple(values), _database=database).insert(values).execute()


def _migrate(database: Any, name: str) -> None:
    if "." in name:  # which is no name of a module
        spec = spec_from_file_location(name.replace(".", "_"), _FOLDER / f"{name}.py")
        assert spec is not None and spec.loader is not None
        migration = module_from_spec(spec)
        spec.loader.exec_module(migration)
    else:
        migration = import_module(f"{_MIGRATIONS}.{name}")
    migration.up(None, database)  # type: ignore[attr-defined]


def _subjects(database: Any) -> list[tuple[Any, ...]]:
    columns = ("id", "subject_type", "subject_id", "subject_version")
    runs = peewee.Table("executions_execution", columns, _database=database)
    return [tuple(row) for row in runs.select(*(getattr(runs, name) for name in columns)).order_by(runs.id).tuples()]


def test_runs_of_before_and_those_that_the_former_release_starts_meanwhile_get_their_subjects(
    empty_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    database: Any = connect(empty_database_url)
    monkeypatch.setattr(import_module(f"{_MIGRATIONS}.0131_subjects_of_former_runs"), "_BATCH", 2)
    agent, workflow = {"agent_id": "agent_1", "agent_version": 2}, {"workflow_id": "workflow_1", "workflow_version": 3}
    with database.connected(), system_scope("test a migration"):
        for name in sorted(file.stem for file in _FOLDER.glob("0*.py") if file.stem < "0130"):
            _migrate(database, name)
        for number, subject in enumerate((agent, workflow, {}, agent)):
            _insert(database, "executions_execution", id=f"exec_{number}", **_RUN, **subject)
        _migrate(database, "0130_subjects")
        for number, subject in enumerate((workflow, {}), 4):
            _insert(database, "executions_execution", id=f"exec_{number}", **_RUN, **subject)
        assert [row[0] for row in _subjects(database) if row[2]] == ["exec_4"]
        for name in ("0131_subjects_of_former_runs", "0132_subjects_by_code.post"):
            _migrate(database, name)
        _insert(database, "executions_execution", id="exec_6", **_RUN, **agent)
        found = _subjects(database)
    database.close_all()
    of_agent, of_workflow, of_nothing = ("agent", "agent_1", 2), ("workflow", "workflow_1", 3), (None, None, None)
    assert [row[1:] for row in found] == [of_agent, of_workflow, of_nothing, of_agent, of_workflow, of_nothing, of_nothing]


def test_the_migration_fills_in_what_runs_have_said_before(empty_database_url: str) -> None:
    database: Any = connect(empty_database_url)
    with database.connected(), system_scope("test a migration"):
        for name in sorted(file.stem for file in _FOLDER.glob("0*.py") if file.stem < _NEW):
            import_module(f"{_MIGRATIONS}.{name}").up(None, database)
        _insert(database, "executions_execution", id="exec_1", error='{"code":"agent_missing"}', **_RUN)
        _insert(database, "executions_execution", id="exec_2", started_at=_AT, **_RUN)
        for number in (1, 2):
            used = '{"input_tokens":5,"output_tokens":2,"cost":7}'
            _insert(database, "executions_step", id=f"step_{number}", number=number, result=used, **_STEP)

        import_module(f"{_MIGRATIONS}.{_NEW}").up(None, database)

        columns = ("trigger_type", "error_code", "input_tokens", "output_tokens", "cost")
        runs = peewee.Table("executions_execution", ("id", *columns), _database=database)
        found = list(runs.select(*(getattr(runs, name) for name in columns)).order_by(runs.id).tuples())
    database.close_all()
    assert [tuple(row) for row in found] == [("api", "agent_missing", 0, 0, None), ("api", None, 10, 4, 14)]
