"""Row-level security on PostgreSQL: the second barrier, for a statement that bypasses the tenant scope.

Every table with an ``organization_id`` gets a forced policy that shows only the rows of the connection's ``app.org``. The tables in
`DIRECTORY` are read before the organization is known, to authenticate a request, and have no policy.
"""

import peewee

from ....errors import StartupError
from ... import history
from ...database import Database
from ...scope import mentions_tenants
from .database import PostgresDatabase

#: Read while a request is authenticated, when no organization is in scope yet.
DIRECTORY = frozenset(
    {"core_membership", "core_session", "core_api_key", "core_grant", "core_node", "core_role", "core_team_member"}
)

#: A table whose policy has another name gets a new one, so `aasim migrate` applies a changed policy to every table.
_POLICY, _FORMER_POLICY = "organization_in_scope", "organization"
_TENANT_TABLES = """
SELECT c.relname, c.relrowsecurity AND c.relforcerowsecurity
AND EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = c.oid AND p.polname = %s) FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname = current_schema()
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'organization_id' AND NOT a.attisdropped
WHERE c.relkind IN ('r', 'p')
"""


def apply(database: Database, app_role: str | None) -> None:
    """Create the policies, and grant `app_role` (created if missing) the use of the tables; does nothing on SQLite."""
    if not isinstance(database, PostgresDatabase):
        return
    for table, secured in database.execute_sql(_TENANT_TABLES, (_POLICY,)).fetchall():
        if table not in DIRECTORY and not secured:
            _secure(database, table)
    history.protect(database)
    if app_role:
        _grant(database, app_role)


def _secure(database: Database, table: str) -> None:
    # As a subquery, the setting is read once per statement instead of twice per row.
    seen, written = _mine("(SELECT current_setting('app.org', true))"), _mine("current_setting('app.org', true)")
    for statement in (
        f'ALTER TABLE "{table}" ENABLE ROW LEVEL SECURITY',
        f'ALTER TABLE "{table}" FORCE ROW LEVEL SECURITY',
        f'DROP POLICY IF EXISTS {_FORMER_POLICY} ON "{table}"',
        f'DROP POLICY IF EXISTS {_POLICY} ON "{table}"',
        f'CREATE POLICY {_POLICY} ON "{table}" USING ({seen}) WITH CHECK ({written})',
    ):
        database.execute_sql(statement)


def _mine(scope: str) -> str:
    return f"organization_id = {scope} OR {scope} = '*'"


def _grant(database: Database, role: str) -> None:
    schema = _quoted(database.execute_sql("SELECT current_schema()").fetchone()[0])
    name = _quoted(role)
    _make_role(database, role, name)
    for statement in (
        f"GRANT USAGE ON SCHEMA {schema} TO {name}",
        f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {schema} TO {name}",
        f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA {schema} TO {name}",
    ):
        database.execute_sql(statement)


def _make_role(database: Database, role: str, name: str) -> None:
    exists = database.execute_sql("SELECT pg_has_role(oid, 'MEMBER') FROM pg_roles WHERE rolname = %s", (role,)).fetchone()
    try:
        if not exists:
            # Roles belong to the server: another database's migration may create the role at the same time.
            make = f"BEGIN CREATE ROLE {name} NOLOGIN; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END"
            database.execute_sql(f"DO $make$ {make} $make$")
        if not exists or not exists[0]:
            database.execute_sql(f"GRANT {name} TO CURRENT_USER")
    except peewee.ProgrammingError as error:
        raise StartupError(
            f"the database's user may not create the role {role!r}; as a superuser, run: CREATE ROLE {name} NOLOGIN; and GRANT {name} "
            "TO the users of database.url and database.migration_url"
        ) from error


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def verify(database: Database) -> None:
    """Raise StartupError for a gap: a view that bypasses both barriers, a role that ignores policies, or a table without one."""
    views = [view.name for view in database.get_views() if mentions_tenants(view.sql, database.tenant_tables)]
    if views:
        raise StartupError(f"views show the rows of every organization ({', '.join(views)}); drop them and query the tables")
    if isinstance(database, PostgresDatabase):
        _verify_role(database)


def _verify_role(database: PostgresDatabase) -> None:
    question = "SELECT rolname, rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user"
    name, walks_through = database.execute_sql(question).fetchone()
    if walks_through:
        raise StartupError(f"the database role {name!r} ignores row-level security; set database.app_role to a plain role")
    open_tables = [
        t for t, secured in database.execute_sql(_TENANT_TABLES, (_POLICY,)).fetchall() if t not in DIRECTORY and not secured
    ]
    if open_tables:
        raise StartupError(f"row-level security is off for {', '.join(open_tables)}; run: aasim migrate")
