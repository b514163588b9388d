"""The running API processes and workers: each has a row with a heartbeat by the database's clock."""

import os
import socket
import threading
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from secrets import token_hex
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

import peewee
import structlog

from .data.fields import InstantField, JsonField
from .data.records import Row
from .logs.repeated_errors import RepeatedErrors, kind_of
from .version import VERSION

if TYPE_CHECKING:
    from .data.database import Database

API, WORKER = "api", "worker"
TABLE = "core_process"
#: Heartbeat interval of a process, and the time after which it is considered dead.
BEAT_SECONDS, SILENT_SECONDS = 15.0, 60.0
_FORGOTTEN = timedelta(days=1)
_log = structlog.get_logger("aasim.processes")


class ProcessRow(Row):
    """One process. `plugins` are the names of those that are on in it; `busy` is how many of its threads had work at the last heartbeat.

    `migrations` are the highest numbers of each owner's migrations that its code has; nothing where the code is from before they were told.
    """

    id = peewee.TextField(primary_key=True)
    kind = peewee.TextField()
    host = peewee.TextField()
    version = peewee.TextField()
    plugins = JsonField()
    migrations = JsonField(default=dict)
    threads = peewee.BigIntegerField()
    busy = peewee.BigIntegerField(default=0)
    started_at = InstantField()
    seen_at = InstantField()

    class Meta:
        table_name = TABLE
        internal = True


RECORDS = (ProcessRow,)


class Seen(NamedTuple):
    """A process, and how many seconds ago it was seen last."""

    row: ProcessRow
    seconds: float

    @property
    def is_alive(self) -> bool:
        """Whether its last sign of life is recent."""
        return self.seconds < SILENT_SECONDS

    def knows(self, owner: str, number: int) -> bool:
        """Whether its code has the migration of that number, or nothing of that owner at all."""
        known = self.row.migrations
        return bool(known) and (owner not in known or known[owner] >= number)


class ThisProcess:
    """The row of this process; it is written by the first heartbeat."""

    def __init__(
        self,
        database: "Database",
        kind: str,
        threads: int,
        plugins: Sequence[str],
        name: str | None = None,
        migrations: Mapping[str, int] = MappingProxyType({}),
    ) -> None:
        self._database, self._kind, self._threads = database, kind, threads
        self._known = {"plugins": list(plugins), "migrations": dict(migrations)}
        self._name = name or f"{socket.gethostname()}-{os.getpid()}-{token_hex(4)}"
        self._started_at: datetime | None = None

    def beat(self, busy: int = 0) -> None:
        """Say that the process is there, and how many of its threads have work; it does not wait for the disk."""
        moment = self._database.time()
        started_at = self._started_at = self._started_at or moment
        facts = {"kind": self._kind, "host": socket.gethostname(), "version": VERSION, "threads": self._threads}
        row = {"id": self._name, "started_at": started_at, "seen_at": moment, "busy": busy, **facts, **self._known}
        written: Any = ProcessRow.insert(row).on_conflict(
            conflict_target=[ProcessRow.id], update={"seen_at": moment, "busy": busy}
        )
        with self._database.transaction(durable=False):
            written.execute()

    def leave(self) -> None:
        """Record that the process ends, and delete those that ended long ago without notice."""
        old = ProcessRow.seen_at < self._database.time() - _FORGOTTEN
        with self._database.transaction(durable=False):
            ProcessRow.delete().where((ProcessRow.id == self._name) | old).execute()

    def keep_beating(self, over: threading.Event) -> None:
        """Send heartbeats from a separate thread, until `over`; an unavailable database is logged periodically."""
        threading.Thread(target=self._keep_beating, args=(over, RepeatedErrors()), name="heartbeat", daemon=True).start()

    def _keep_beating(self, over: threading.Event, repeated: RepeatedErrors) -> None:
        while not over.wait(BEAT_SECONDS):
            try:
                with self._database.connected():
                    self.beat()
            except Exception as error:  # noqa: BLE001 - a thread that ended would never be missed
                if (count := repeated.count(kind_of(error))) is not None:
                    _log.warning("a heartbeat could not be written", error=kind_of(error), count=count)


def seen(database: "Database") -> list[Seen]:
    """All processes that are known, the oldest first."""
    moment = database.time()
    rows = ProcessRow.select().order_by(ProcessRow.started_at, ProcessRow.id)
    return [Seen(row, max(0.0, (moment - row.seen_at).total_seconds())) for row in rows]


def names_alive(database: "Database") -> list[str]:
    """The ids of the processes that are alive; their rows may lack newer columns."""
    moment = database.time()
    rows = ProcessRow.select(ProcessRow.id, ProcessRow.seen_at).order_by(ProcessRow.id)
    return [row.id for row in rows if Seen(row, (moment - row.seen_at).total_seconds()).is_alive]
