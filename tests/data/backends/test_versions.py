"""What a database tells of itself: its kind, its version, and the time."""

from datetime import timedelta

import pytest

from aasim_core.clock import now
from aasim_core.data.backends.versions import version_of
from aasim_core.data.database import Database


@pytest.mark.parametrize(
    ("databases", "kind"),
    [("sqlite", "SQLite"), pytest.param("postgresql", "PostgreSQL", marks=pytest.mark.postgres)],
    indirect=["databases"],
)
def test_a_database_says_its_kind_and_version(empty_database: Database, kind: str) -> None:
    version = version_of(empty_database)
    assert (version.kind, version.text.startswith(f"{version.major}."), version.major >= 3) == (kind, True, True)


def test_the_time_of_the_database_is_the_present(empty_database: Database) -> None:
    assert abs(empty_database.time() - now()) < timedelta(minutes=1)
