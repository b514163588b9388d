"""Check that a connection keeps its session settings: a transaction-pooling pooler uses another session each time.

The organization in scope, the role and the time limit are session settings. If they are lost or reach another session, rows of an
organization are missing or exposed.
"""

from contextlib import ExitStack
from typing import Any

from ....errors import StartupError
from .database import PostgresDatabase

_PROBE = "a probe of aasim"
_READ = (
    "SELECT current_setting('app.org', true), (SELECT setting FROM pg_settings WHERE name = 'statement_timeout'), current_user"
)
_ADVICE = "Set pool_mode = session for PgBouncer, or connect without a pooler; see docs/operate/database.md."


def verify(database: PostgresDatabase) -> None:
    """Raise StartupError unless each of several simultaneous connections has its own organization in scope, time limit and role."""
    with ExitStack() as stack:
        probe, *others = [stack.enter_context(database.open_one()) for _ in range(3)]
        probe.execute("SELECT set_config('app.org', %s, false)", (_PROBE,))
        # In this order: a transaction-pooling pooler gives the probe's session to the first of the others.
        seen = [_settings_of(connection) for connection in (*others, probe)]
    role = database.role or seen[0][2]
    if seen != [(scope, database.timeout_ms, role) for scope in ("", "", _PROBE)]:
        raise StartupError(f"a pooler between Aasim and PostgreSQL loses or mixes up the settings of sessions. {_ADVICE}")


def _settings_of(connection: Any) -> tuple[str, str, str]:
    """Return the settings inside a transaction that stays open, so that its session is not shared meanwhile."""
    connection.execute("BEGIN")
    row: tuple[str, str, str] = connection.execute(_READ).fetchone()
    return row
