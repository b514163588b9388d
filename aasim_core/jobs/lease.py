"""A lease: one worker's right to run one job."""

from dataclasses import dataclass
from typing import Any

import orjson

from ..context import Actor
from .records import JobRow
from .waiting_jobs import Place


@dataclass(eq=False)
class Lease:
    """One worker's right to run one job until it is revoked. `payload` and `actor` are JSON.

    `is_last` is whether no other job was ready when this one was taken, and `place` where it waited. `mark` names the last write under the
    lease; the job's row holds it once that is committed.
    """

    job_id: str
    token: str
    owner: str
    organization_id: str
    name: str
    plugin: str
    payload: str
    attempt: int
    max_attempts: int
    crash_count: int
    unique_key: str | None
    request_id: str | None
    traceparent: str | None
    actor: str
    heartbeat_at: str | None
    is_last: bool = False
    place: Place | None = None
    mark: str | None = None

    @property
    def may_be_followed(self) -> bool:
        """Return whether another job may be ready when this one ends, without a notification: it was ready before, or waits for this end.

        All others wait for the end of a job that runs alone because it crashed before.
        """
        return not self.is_last or self.unique_key is not None or self.crash_count > 0

    def acting(self) -> Actor:
        """Return who is responsible for what the job does: the actor that enqueued it."""
        actor = orjson.loads(self.actor)
        return Actor(actor["type"], actor["id"], actor["label"], actor.get("ip"))

    def read_payload(self) -> Any:
        return orjson.loads(self.payload)


#: The columns of a job that make up a lease, in its order.
COLUMNS = (
    JobRow.id,
    JobRow.lease_token,
    JobRow.lease_owner,
    JobRow.organization_id,
    JobRow.name,
    JobRow.plugin,
    JobRow.payload,
    JobRow.attempt,
    JobRow.max_attempts,
    JobRow.crash_count,
    JobRow.unique_key,
    JobRow.request_id,
    JobRow.traceparent,
    JobRow.actor,
    JobRow.heartbeat_at,
)
