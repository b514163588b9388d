"""A connection to PostgreSQL keeps its organization, role and limit of time; where a pooler mixes them up, it is said."""

import pytest

from aasim_core.data.backends.connect import connect
from aasim_core.data.backends.postgres.database import PostgresDatabase
from aasim_core.data.backends.postgres.session_settings import verify
from aasim_core.errors import StartupError

pytestmark = [pytest.mark.postgres, pytest.mark.parametrize("databases", ["postgresql"], indirect=True)]


@pytest.mark.parametrize("has_role", [False, True])
def test_connections_that_keep_their_settings_are_fine(empty_database_url: str, app_role: str, has_role: bool) -> None:
    verify(connect(empty_database_url, role=app_role if has_role else None))


def test_a_connection_that_has_the_organization_of_another_one_is_refused(empty_database_url: str) -> None:
    database = PostgresDatabase(empty_database_url, role=None, settings={"app.org": "organization_of_another"})
    with pytest.raises(StartupError, match=r"a pooler between Aasim and PostgreSQL .* Set pool_mode = session"):
        verify(database)
