"""The second wall on its own: the tenant scope is not there, and PostgreSQL alone keeps the organizations apart."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from secrets import token_hex
from typing import Any
from urllib.parse import urlsplit

import peewee
import pytest

from aasim_core.context import organization_scope, system_scope
from aasim_core.data.backends.connect import bind, connect
from aasim_core.data.backends.postgres import row_security
from aasim_core.data.database import Database
from aasim_core.data.migrator.runner import Source, migrate
from aasim_core.errors import StartupError
from aasim_core.testing.databases import PostgresServer

from ..scope.landscape import OURS, RECORDS, THEIRS, Country, Item, Landscape, settle

pytestmark = [pytest.mark.postgres, pytest.mark.parametrize("databases", ["postgresql"], indirect=True)]


@pytest.fixture
def ours(guarded_land: Landscape, database_url: str, app_role: str) -> Iterator[Any]:
    """A connection of the driver, as the application's role, with us in scope: nothing of ours is between it and the server."""
    import psycopg

    with psycopg.connect(database_url, autocommit=True, options=f"-c role={app_role} -c app.org={OURS}") as connection:
        yield connection


def test_their_rows_are_invisible(ours: Any) -> None:
    assert ours.execute("SELECT DISTINCT organization_id FROM attack_item").fetchall() == [(OURS,)]
    assert ours.execute("SELECT count(*) FROM attack_item AS a, attack_item AS b").fetchone() == (9,)
    assert ours.execute("SELECT count(*) FROM attack_item WHERE organization_id = %s OR true", (THEIRS,)).fetchone() == (3,)
    assert ours.execute("SELECT * FROM attack_owner WHERE name LIKE 'their%'").fetchall() == []


def test_their_rows_cannot_be_copied_out(ours: Any) -> None:
    with ours.cursor().copy("COPY (SELECT * FROM attack_item) TO STDOUT") as copy:
        assert THEIRS.encode() not in b"".join(copy)


def test_their_rows_cannot_be_changed(ours: Any, guarded_land: Landscape) -> None:
    assert ours.execute("UPDATE attack_item SET name = 'x'").rowcount == 3
    assert ours.execute("DELETE FROM attack_item WHERE organization_id = %s", (THEIRS,)).rowcount == 0
    assert guarded_land.rows_of(THEIRS) == guarded_land.their_rows


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO attack_owner VALUES ('x', 1, '', '', 'organization_theirs', 'x')",
        "UPDATE attack_item SET organization_id = 'organization_theirs'",
        """INSERT INTO attack_item SELECT 'new', version, created_at, updated_at, organization_id, 'their-0', name, rank, country
           FROM attack_item LIMIT 1 ON CONFLICT (slug) DO UPDATE SET name = 'x'""",
        "TRUNCATE attack_item",
        "ALTER TABLE attack_item DISABLE ROW LEVEL SECURITY",
        "ALTER TABLE attack_item NO FORCE ROW LEVEL SECURITY",
        "DROP POLICY organization_in_scope ON attack_item",
        "CREATE POLICY everybody ON attack_item USING (true)",
        "DROP TABLE attack_item",
    ],
)
def test_the_wall_cannot_be_crossed_or_taken_down(statement: str, ours: Any, guarded_land: Landscape) -> None:
    import psycopg

    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        ours.execute(statement)
    assert guarded_land.rows_of(THEIRS) == guarded_land.their_rows


def test_without_an_organization_nothing_is_visible(ours: Any) -> None:
    ours.execute("SET app.org = ''")
    assert ours.execute("SELECT count(*) FROM attack_item").fetchone() == (0,)


def test_shared_tables_are_visible_to_all(ours: Any) -> None:
    assert ours.execute("SELECT count(*) FROM attack_country").fetchone() == (2,)


def organization_of(database: Database) -> str:
    """What the server believes to be in scope for this thread's connection, asked behind the scope's back."""
    found: str = database.connection().execute("SELECT current_setting('app.org', true)").fetchone()[0]
    return found


def test_the_server_follows_the_scope(guarded_land: Landscape) -> None:
    database = guarded_land.database
    with organization_scope(OURS):
        assert Item.select().count() == 3
        assert organization_of(database) == OURS
        with system_scope("see all"):
            assert Item.select().count() == 8
            assert organization_of(database) == "*"
        assert Item.select().count() == 3
    with organization_scope(THEIRS):
        assert Item.select().count() == 5
        assert organization_of(database) == THEIRS


def test_the_server_forgets_the_organization_for_statements_without_one(guarded_land: Landscape) -> None:
    with organization_scope(OURS):
        assert Item.select().count() == 3
    assert Country.select().count() == 2
    assert organization_of(guarded_land.database) == ""


def test_the_server_follows_the_scope_after_a_rollback(guarded_land: Landscape) -> None:
    database = guarded_land.database
    with organization_scope(OURS):
        assert Item.select().count() == 3
    with organization_scope(THEIRS):
        with suppress(LookupError), database.transaction():
            assert Item.select().count() == 5
            raise LookupError
        assert Item.select().count() == 5
    with organization_scope(OURS):
        assert Item.select().count() == 3


def test_a_connection_does_not_keep_the_organization_of_its_last_user(guarded_land: Landscape) -> None:
    database = guarded_land.database
    with organization_scope(OURS):
        assert Item.select().count() == 3
    database.close()
    database.connect()
    with organization_scope(THEIRS):
        assert Item.select().count() == 5


def test_verify_accepts_the_application_role(guarded_land: Landscape) -> None:
    row_security.verify(guarded_land.database)


def test_verify_refuses_a_superuser(guarded_land: Landscape, database_url: str) -> None:
    plain = connect(database_url)
    with plain.connected(), pytest.raises(StartupError, match="ignores row-level security"):
        row_security.verify(plain)
    plain.close_all()


@pytest.mark.parametrize(
    "gap",
    [
        "ALTER TABLE attack_owner NO FORCE ROW LEVEL SECURITY",
        "ALTER TABLE attack_owner DISABLE ROW LEVEL SECURITY",
        "DROP POLICY organization_in_scope ON attack_owner",
        # As earlier releases named it.
        "ALTER POLICY organization_in_scope ON attack_owner RENAME TO organization",
    ],
)
def test_verify_names_a_table_without_a_policy(gap: str, guarded_land: Landscape, owner: Database) -> None:
    owner.execute_sql(gap)
    with pytest.raises(StartupError, match="row-level security is off for attack_owner; run: aasim migrate"):
        row_security.verify(guarded_land.database)
    row_security.apply(owner, None)
    row_security.verify(guarded_land.database)


def test_verify_refuses_views_of_tenants_tables(guarded_land: Landscape, owner: Database) -> None:
    owner.execute_sql("CREATE VIEW harmless AS SELECT * FROM attack_country")
    row_security.verify(guarded_land.database)
    owner.execute_sql("CREATE VIEW names AS SELECT name FROM attack_item")
    with pytest.raises(StartupError, match="names"):
        row_security.verify(guarded_land.database)
    owner.execute_sql("DROP VIEW names, harmless")


def test_a_user_who_may_not_make_roles_is_told_what_to_run(owner: Database, database_url: str) -> None:
    plain = f"aasim_test_{token_hex(6)}"
    owner.execute_sql(f"CREATE ROLE {plain}")
    database = connect(database_url, role=plain)
    with database.connected(), pytest.raises(StartupError, match="CREATE ROLE"):
        row_security.apply(database, "aasim_test_never")
    database.close_all()
    owner.execute_sql(f"DROP ROLE {plain}")


@pytest.fixture
def owner(database_url: str) -> Iterator[Database]:
    """The owner of the tables."""
    database = connect(database_url)
    with database.connected():
        yield database
    database.close_all()


def test_a_role_that_does_not_exist_is_refused_and_costs_no_connection(database_url: str) -> None:
    database = connect(database_url, role="aasim_test_nobody", threads=-1, wait_seconds=5)
    for _ in range(3):
        with pytest.raises(peewee.DatabaseError, match="aasim_test_nobody"):
            database.connect()
    bind(database, RECORDS)


def test_an_owner_without_special_rights_can_migrate_and_serve(
    databases: PostgresServer, empty_database_url: str, migration_sources: Sequence[Source]
) -> None:
    """As docs/operate/database.md sets it up: an owner who may log in, and a role that owns nothing."""
    token = token_hex(6)
    owner, app = f"aasim_test_owner_{token}", f"aasim_test_app_{token}"
    name = urlsplit(empty_database_url).path[1:]
    for statement in (
        f"CREATE ROLE {owner} LOGIN",
        f"CREATE ROLE {app} NOLOGIN",
        f"GRANT {app} TO {owner}",
        f"ALTER DATABASE {name} OWNER TO {owner}",
    ):
        databases.connection.execute(statement)
    url = empty_database_url.replace("postgres@", f"{owner}@")
    try:
        migrating = connect(url)
        migrate(migrating, migration_sources, app)
        migrating.close_all()
        serving = connect(url, role=app)
        bind(serving, RECORDS)
        with serving.connected():
            row_security.verify(serving)
            land = settle(serving)
            assert land.rows_of(THEIRS) == land.their_rows
            with pytest.raises(peewee.ProgrammingError, match="must be owner"):
                serving.execute_sql("ALTER TABLE attack_country DISABLE ROW LEVEL SECURITY")
        serving.close_all()
    finally:
        databases.connection.execute(f"ALTER DATABASE {name} OWNER TO CURRENT_USER")
        server = connect(empty_database_url)
        with server.connected():
            server.execute_sql(f"REASSIGN OWNED BY {owner} TO CURRENT_USER")
            server.execute_sql(f"DROP OWNED BY {owner}, {app}")
            server.execute_sql(f"DROP ROLE {owner}, {app}")
        server.close_all()
