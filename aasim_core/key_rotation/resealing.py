"""Re-encrypt stored values with the newest key: a job that processes them in small batches while everything runs."""

from collections.abc import Mapping
from datetime import timedelta
from time import monotonic
from typing import TYPE_CHECKING, Any

import structlog

from ..clock import now
from ..context import system_scope
from ..jobs.declarations import Job, Retry
from ..jobs.queue import enqueue
from ..secrets.key_file import LOOK_SECONDS
from ..secrets.keyring import Unreadable
from ..tenancy import epoch
from .key_usage import note_newest
from .sealed_columns import Column, Sealed, columns_of

if TYPE_CHECKING:
    from ..app import App
    from ..jobs.context import JobContext

NAME = "core.reseal_secrets"
_ROWS_AT_ONCE = 50
#: Remaining time at which the job stops, to continue in another run.
_RESERVE_SECONDS = 30
_SECONDS_BETWEEN_LINES = 5.0
#: So long after a rotation a process may still seal with the older key: until it looks at the file, and its transaction ends.
_SETTLING = timedelta(seconds=LOOK_SECONDS + 5)
_log = structlog.get_logger("aasim.secrets")


def start(app: "App") -> None:
    """Have a worker re-encrypt everything with the ring's newest key."""
    key_id = app.keyring.key_ids[0]
    with app.database.connected(), system_scope("re-encrypt stored values"), app.database.transaction():
        note_newest(app)
        enqueue(NAME, {"key_id": key_id}, run_at=now() + _SETTLING, unique_key=key_id)


def resealing_job(app: "App") -> Job:
    """The job that re-encrypts stored values. It ends when a whole pass found nothing to do, and restarts where it was killed."""

    def reseal(context: "JobContext", payload: Mapping[str, Any]) -> None:
        if app.keyring.key_for("encryption", payload["key_id"]) is None:
            raise LookupError(f"the key file of this machine lacks the key {payload['key_id']}; copy the file here")
        work = Resealing(app, context)
        if not work.run():
            context.hand_back()
        elif work.changed:
            context.hand_back(now() + _SETTLING)

    return Job(NAME, reseal, retry=Retry(max_attempts=20, base_seconds=10, max_seconds=600))


class Resealing:
    """One pass over all sealed values. `changed` and `unreadable` count them."""

    def __init__(self, app: "App", context: "JobContext") -> None:
        self._app = app
        self._context = context
        self._next_line = monotonic() + _SECONDS_BETWEEN_LINES
        self.changed = 0
        self.unreadable = 0

    def run(self) -> bool:
        """Whether it came to the end; if not, it is to be run again."""
        for column in columns_of(self._app):
            self.unreadable = 0
            if not self._walk(column):
                return False
            if self.unreadable:
                _log.warning("stored values cannot be opened with any key", table=column.table, count=self.unreadable)
        _log.info("stored values are sealed with the newest key", count=self.changed)
        return True

    def _walk(self, column: Column) -> bool:
        after = ""
        while values := column.not_sealed_by(self._app.keyring.key_ids[0], after, _ROWS_AT_ONCE):
            if self._context.should_stop() or self._context.remaining() < _RESERVE_SECONDS:
                return False
            self._renew(column, values)
            after = values[-1].row_id
        return True

    def _renew(self, column: Column, values: list[Sealed]) -> None:
        opened = [(sealed, self._resealed(sealed)) for sealed in values]
        with self._app.database.transaction():
            self._context.checkpoint()
            written = [sealed for sealed, value in opened if value is not None and column.replace(sealed, value)]
            for organization_id in sorted({sealed.place.organization_id for sealed in written} - {""}):
                epoch.bump(organization_id)  # who remembers the old value could not open it when its key is gone
        self.changed += len(written)
        if monotonic() > self._next_line:
            self._next_line = monotonic() + _SECONDS_BETWEEN_LINES
            _log.info("stored values are being re-encrypted", table=column.table, count=self.changed)

    def _resealed(self, sealed: Sealed) -> str | None:
        try:
            return self._app.keyring.reseal(sealed.value, sealed.place)
        except Unreadable:
            self.unreadable += 1
            return None
