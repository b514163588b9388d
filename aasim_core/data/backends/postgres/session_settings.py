"""Whether a connection keeps what is set for it: behind a pooler that pools by transaction, it is another session each time.

The organization in scope, the role and the time limit are settings of the session. Where they get lost or reach somebody else, rows of an
organization are missing, or worse.
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
    """StartupError unless each of several connections at once has its own organization in scope, the time limit and the role."""
    with ExitStack() as stack:
        probe, *others = [stack.enter_context(database.open_one()) for _ in range(3)]
        probe.execute("SELECT set_config('app.org', %s, false)", (_PROBE,))
        # In this order: a pooler by transaction gives the session of the probe to the first of the others.
        seen = [_settings_of(connection) for connection in (*others, probe)]
    role = database.role or seen[0][2]
    if seen != [(scope, database.timeout_ms, role) for scope in ("", "", _PROBE)]:
        raise StartupError(f"a pooler between Aasim and PostgreSQL loses or mixes up the settings of sessions. {_ADVICE}")


def _settings_of(connection: Any) -> tuple[str, str, str]:
    """What a transaction sees, which goes on, so that its session is nobody else's for now."""
    connection.execute("BEGIN")
    row: tuple[str, str, str] = connection.execute(_READ).fetchone()
    return row
