"""The fixtures as a plugin's author has them: from the installed package, with or without a PostgreSQL server."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

SUITE = """
def test_a_database_is_migrated_and_empty(database):
    assert "core_migration" in database.get_tables()
    assert database.execute_sql("SELECT count(*) FROM core_key").fetchone() == (0,)
    database.execute_sql("INSERT INTO core_key VALUES ('k1', '2026-01-01T00:00:00.000Z')")

def test_rows_of_another_test_are_gone(database):
    assert database.execute_sql("SELECT count(*) FROM core_key").fetchone() == (0,)

def test_an_empty_database_has_nothing(empty_database_url):
    assert empty_database_url
"""
NOWHERE = "postgresql://postgres@127.0.0.1:1/none"


def run(folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a suite that nothing but the package knows of."""
    (folder / "test_plugin.py").write_text(SUITE)
    environment = {name: value for name, value in os.environ.items() if name != "CI"} | variables
    command = [sys.executable, "-m", "pytest", "-q", "-W", "error", "-p", "no:cacheprovider", "--strict-markers", str(folder)]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.long
@pytest.mark.postgres
def test_each_test_runs_on_both_databases(tmp_path: Path) -> None:
    outcome = run(tmp_path)
    assert "6 passed" in outcome.stdout, outcome.stdout + outcome.stderr


@pytest.mark.long
def test_without_postgres_half_is_left_out_and_this_is_said(tmp_path: Path) -> None:
    outcome = run(tmp_path, TEST_POSTGRES_URL=NOWHERE)
    assert "3 passed, 3 skipped" in outcome.stdout, outcome.stdout + outcome.stderr
    assert f"LEFT OUT: 3 tests, for no PostgreSQL server answers at {NOWHERE}" in outcome.stdout


@pytest.mark.long
def test_no_server_is_used_where_none_shall_be(tmp_path: Path) -> None:
    outcome = run(tmp_path, TEST_POSTGRES_URL="")
    assert "3 passed, 3 skipped" in outcome.stdout, outcome.stdout + outcome.stderr


@pytest.mark.long
def test_the_server_is_named_before_it_is_used(tmp_path: Path) -> None:
    assert f"tests on PostgreSQL use {NOWHERE}" in run(tmp_path, TEST_POSTGRES_URL=NOWHERE, PYTEST_ADDOPTS="-v").stdout


@pytest.mark.long
def test_without_postgres_nothing_passes_in_ci(tmp_path: Path) -> None:
    outcome = run(tmp_path, TEST_POSTGRES_URL=NOWHERE, CI="true")
    assert outcome.returncode == 1
    assert "in CI nothing may be left out" in outcome.stdout
