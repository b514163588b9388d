"""Row-level security on PostgreSQL: the second wall, for a statement that slipped past the tenant scope.

Every table with an ``organization_id`` gets a forced policy that shows the rows of the connection's ``app.org`` only. The tables in
`DIRECTORY` are read before an organization is known (who is this, and where do they belong?) and have no policy.
"""

from ..errors import StartupError
from .connect import Database
from .postgres import PostgresDatabase

#: Read while a request is authenticated, when no organization is in scope yet.
DIRECTORY = frozenset(
    {"core_membership", "core_session", "core_api_key", "core_grant", "core_node", "core_role", "core_team_member"}
)

_TENANT_TABLES = """
SELECT c.relname, c.relrowsecurity AND c.relforcerowsecurity FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname = current_schema()
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'organization_id' AND NOT a.attisdropped
WHERE c.relkind IN ('r', 'p')
"""


def apply(database: Database, app_role: str | None) -> None:
    """Put the policies on, and give `app_role` (made when missing) the use of the tables; nothing to do on SQLite."""
    if not isinstance(database, PostgresDatabase):
        return
    for table, secured in database.execute_sql(_TENANT_TABLES).fetchall():
        if table not in DIRECTORY and not secured:
            _secure(database, table)
    if app_role:
        _grant(database, app_role)


def _secure(database: Database, table: str) -> None:
    mine = "organization_id = current_setting('app.org', true) OR current_setting('app.org', true) = '*'"
    for statement in (
        f'ALTER TABLE "{table}" ENABLE ROW LEVEL SECURITY',
        f'ALTER TABLE "{table}" FORCE ROW LEVEL SECURITY',
        f'DROP POLICY IF EXISTS organization ON "{table}"',
        f'CREATE POLICY organization ON "{table}" USING ({mine}) WITH CHECK ({mine})',
    ):
        database.execute_sql(statement)


def _grant(database: Database, role: str) -> None:
    exists = database.execute_sql("SELECT 1 FROM pg_roles WHERE rolname = %s", (role,)).fetchone()
    if not exists:
        database.execute_sql(f'CREATE ROLE "{role}" NOLOGIN')
    for statement in (
        f'GRANT "{role}" TO CURRENT_USER',
        f'GRANT USAGE ON SCHEMA public TO "{role}"',
        f'GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO "{role}"',
        f'GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO "{role}"',
    ):
        database.execute_sql(statement)


def verify(database: Database) -> None:
    """StartupError when the wall has a gap: a role that walks through policies, or a tenant's table without one."""
    if not isinstance(database, PostgresDatabase):
        return
    name, walks_through = database.execute_sql(
        "SELECT rolname, rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user"
    ).fetchone()
    if walks_through:
        raise StartupError(f"the database role {name!r} ignores row-level security; set database.app_role to a plain role")
    open_tables = [t for t, secured in database.execute_sql(_TENANT_TABLES).fetchall() if t not in DIRECTORY and not secured]
    if open_tables:
        raise StartupError(f"row-level security is off for {', '.join(open_tables)}; run: aasim migrate")
