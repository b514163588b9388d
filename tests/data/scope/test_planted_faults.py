"""The attack suite notices each of these faults when it is planted in the tenant scope (in a copy of the project)."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SCOPE, STATEMENTS, DATABASE, RECORDS, CONTEXT = (
    "data/scope.py", "data/statements.py", "data/backends/scoped_database.py", "data/records.py", "context.py",
)  # fmt: skip
FAULTS = {
    "aliases are not confined": (SCOPE, "peewee.Table | peewee.ModelAlias", "peewee.Table"),
    "models are not confined": (SCOPE, "        if is_model(obj):\n            obj =", "        if False:\n            obj ="),
    "another spelling is not confined": (SCOPE, "_table_name(table).lower() in", "_table_name(table) in"),
    "inserts only are checked": (SCOPE, "isinstance(obj, peewee._WriteQuery)", "isinstance(obj, peewee.Insert)"),
    "inserts are not checked": (SCOPE, "    if isinstance(unscoped, peewee.Insert):", "    if False:"),
    "a source shows later organizations": (SCOPE, 'self.literal(" = ")', 'self.literal(" >= ")'),
    "a condition widens": (SCOPE, "peewee.OP.AND", "peewee.OP.OR"),
    "a condition replaces the scope": (SCOPE, "Expression(own, peewee.OP.AND, _Bracketed(where))", "where"),
    "a condition has no brackets": (SCOPE, "_Bracketed(where))", "peewee.NodeList((where,)))"),
    "brackets may be left": (SCOPE, "if depth < 0:", "if depth < -9:"),
    "rows may move": (SCOPE, "_refuse_other_organization(query.table, query._update)", "pass"),
    "inserts from queries pass": (SCOPE, "isinstance(rows, peewee.Node)", "isinstance(rows, peewee.SQL)"),
    "inserts from raw SQL pass": (SCOPE, "isinstance(rows, peewee.Node)", "isinstance(rows, peewee.Select)"),
    "defaults are not checked": (SCOPE, "    _refuse_other_default(table, query.get_default_data())\n", ""),
    "a dict is not checked": (SCOPE, "        _refuse_other_organization(table, rows)\n", "        pass\n"),
    "many rows are not checked": (SCOPE, "        for row in rows:", "        for row in rows[:0]:"),
    "the first of many rows is checked": (SCOPE, "        for row in rows:", "        for row in rows[:1]:"),
    "tuples are not checked": (SCOPE, "dict(zip(columns, row, strict=False))", "{}"),
    "upserts are not confined": (SCOPE, "if query._on_conflict is not None", "if False"),
    "an upsert's condition is lost": (SCOPE, "conflict._where = _within(table, conflict._where)", "pass"),
    "replace passes": (SCOPE, 'if action != "update":', 'if action == "never":'),
    "replace passes in another spelling": (SCOPE, 'if action != "update":', 'if action == "replace":'),
    "an upsert may move rows": (SCOPE, "if any(_is_tenant_column(table, column)", "if any(False"),
    "an upsert may keep the organization": (SCOPE, "(*(conflict._preserve or ()), *", "(*(), *"),
    "names of columns are case-sensitive": (SCOPE, "bool(name.lower() ==", "bool(name =="),
    "unknown columns pass": (SCOPE, "    elif isinstance(column, Column):", "    elif (column := Column(table, str(column))):"),
    "fields are taken for their names": (SCOPE, "name = column.column_name", "name = column.name"),
    "names are not looked up": (SCOPE, "name = field.column_name if field else column", "name = column"),
    "raw SQL is case-sensitive": (SCOPE, ", sql, re.IGNORECASE)", ", sql)"),
    "schemas hide tables": (SCOPE, r"rf'(?<!\w)", r"rf'(?<![\w.])"),
    "quotes hide tables": (SCOPE, '["`\\]]?(?![\\w"])', '(?![\\w"])'),
    "one raw mention passes": (SCOPE, "mentions != confined", "mentions > confined + 1"),
    "raw SQL passes beside a confined table": (SCOPE, "mentions != confined", "not confined"),
    "raw SQL passes": (DATABASE, "return self.run_rendered(sql, params, 0)", "return self.run_rendered(sql, params, 1)"),
    "nothing is checked at last": (DATABASE, "        refuse_unscoped(sql, confined, self.tenant_tables)\n", ""),
    "statements are not checked": (STATEMENTS, "            refuse_unscoped(sql, context.confined, database.tenant_tables)\n", ""),
    "statements keep their first organization": (STATEMENTS, "slot is _SCOPE_SLOT", "slot is None"),
    "statements for all run for one": (STATEMENTS, "if self.crosses and", "if False and"),
    "records of others are inserted": (RECORDS, "if scope != EVERY_ORGANIZATION and", "if False and"),
    "no scope means every organization": (CONTEXT, "    if scope is None:", "    if scope is None:\n        return '*'\n    if not scope:"),
    "a system scope does not end": (CONTEXT, "return _With(_scope, EVERY", "_scope.set('*')\n    return _With(_scope, EVERY"),
}  # fmt: skip


@pytest.mark.long
@pytest.mark.parametrize("fault", FAULTS)
def test_the_suite_notices_the_fault(fault: str, tmp_path: Path, root: Path) -> None:
    file, right, wrong = FAULTS[fault]
    copy_project(root, tmp_path)
    path = tmp_path / "aasim_core" / file
    source = path.read_text()
    assert source.count(right) == 1, f"{file} has changed; plant this fault anew"
    path.write_text(source.replace(right, wrong))
    run = attack(tmp_path)
    assert run.returncode == 1, run.stdout + run.stderr


@pytest.mark.long
def test_the_suite_passes_without_a_fault(tmp_path: Path, root: Path) -> None:
    copy_project(root, tmp_path)
    run = attack(tmp_path)
    assert run.returncode == 0, run.stdout + run.stderr


def copy_project(root: Path, folder: Path) -> None:
    """Put what the attack suite needs into `folder`."""
    shutil.copytree(root / "aasim_core", folder / "aasim_core", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(root / "tests" / "data", folder / "tests" / "data", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(root / "setup.cfg", folder)
    shutil.copy(root / "tests" / "conftest.py", folder / "tests")


def attack(folder: Path) -> subprocess.CompletedProcess[str]:
    """Run the suite on SQLite in that copy, until its first failure; exit code 1 means that a test failed."""
    plugins = ["-p", "no:cacheprovider", "-p", "pytest_timeout", "-p", "xdist.plugin", "-p", "aasim_core.testing.fixtures"]
    arguments = ["-q", "-x", *plugins, "-k", "sqlite", "tests/data/scope/test_scope_attacks.py"]
    alone = {"PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    return subprocess.run(
        [sys.executable, "-m", "pytest", *arguments],
        cwd=folder,
        env={**os.environ, **alone},
        capture_output=True,
        text=True,
        check=False,
    )
