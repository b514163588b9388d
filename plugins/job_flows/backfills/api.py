"""The endpoints of backfills."""

from collections.abc import Mapping
from typing import Any, ClassVar

from aasim_core import Collection, Request, Response, operation
from aasim_core.lists.query import ListQuery
from aasim_core.resources.collection import Parent

from ..api import JobFlows
from ..models import Backfill
from . import running, schemas


class Backfills(Collection):
    """Starts for past due times."""

    record = Backfill
    events = "job_flows"
    noun = "backfills"
    parent = Parent(JobFlows, "flow_id")
    paths: ClassVar[Mapping[str, str]] = {
        "": "/job-flows/{flow_id}/backfills",
        "one": "/job-flows/{flow_id}/backfills/{backfill_id}",
        "backfill": "/job-flows/{flow_id}/backfill",
    }
    reply = schemas.BackfillOut()
    backfill_body, backfill_reply = schemas.BackfillIn(), schemas.PlanOut()
    query = ListQuery(schemas.BackfillOut(), filters=("status", "created_at"), sorts=("created_at",))

    @operation(
        "trigger", body="backfill_body", reply="backfill_reply", status=202, also=(200,), message="The due times are being started.",
    )  # fmt: skip
    def on_post_backfill(self, req: Request, resp: Response, flow_id: str) -> None:
        """Start past due times, the oldest first, with the owner's rights.

        With dry_run, only list them, with 200.
        """
        told: dict[str, Any] = running.ask(self.app, req.target, req.principal, req.body)
        if told["backfill_id"] is None:
            what = "these are the due times that a backfill would start" if req.body["dry_run"] else "there is no such due time"
            resp.status, resp.message = 200, f"Nothing was started: {what}."
        else:
            resp.location = f"/api/v1/job-flows/{flow_id}/backfills/{told['backfill_id']}"
            resp.set_header("Retry-After", "1")
        resp.media = told
