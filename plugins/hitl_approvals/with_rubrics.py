"""Rejected approvals as examples of rubrics, if the plugin rubrics is enabled."""

from collections.abc import Mapping
from typing import Any, ClassVar

from aasim_core import Invalid, Problem, Refused, Request, Response, operation
from aasim_core.data.records import find_or_none

from ..executions.models import NO_PAYLOAD, Execution
from ..rubrics import service as rubrics
from ..rubrics.models import Example, Rubric
from . import schemas
from .decisions.below import BelowApproval
from .models import REJECTED, Approval

_LONGEST_NAME = 120


class ApprovalExamples(BelowApproval):
    """Learning from what people rejected."""

    paths: ClassVar[Mapping[str, str]] = {"": "/hitl-approvals/{approval_id}/example"}
    body, reply = schemas.ExampleIn(), schemas.ExampleOut()

    @operation("read", body="body", reply="reply", status=201, message="Example created.", refusals=("conflict", "invalid_state"))
    def on_post(self, req: Request, resp: Response, approval_id: str) -> None:
        """Make an example of a rubric from what a rejected approval's run was given; needs rubrics:create and executions:read."""
        req.rights.require_at("rubrics:create", None)
        req.rights.require_at("executions:read", req.target.project_id)
        example = example_of(req.target, **req.body)
        resp.location = f"/api/v1/engines/{example.engine_id}/rubrics/{example.rubric_id}/examples/{example.id}"
        resp.media = example


def example_of(approval: Approval, rubric_id: str, name: str | None, expected: Any) -> Example:
    """Attach what the run was given to the rubric; Refused ``invalid_state`` for an approval that was not rejected, or has no run."""
    if approval.status != REJECTED:
        meta = {"status": approval.status}
        raise Refused("invalid_state", f"The approval is {approval.status}; examples are made of rejected ones.", meta=meta)
    execution: Execution | None = find_or_none(Execution, approval.execution_id or "")
    if execution is None or execution.retained == NO_PAYLOAD:
        raise Refused("invalid_state", "The input of the approval's execution is no longer stored.")
    rubric: Rubric | None = find_or_none(Rubric, rubric_id)
    if rubric is None or rubric.deleted_at is not None:
        raise Invalid({"rubric_id": [Problem("invalid_reference", "There is no such rubric.")]})
    source = {"type": "approval", "id": approval.id}
    values = {"name": (name or approval.title)[:_LONGEST_NAME], "input": execution.input, "expected": expected, "source": source}
    return rubrics.add_example(rubric, values)
