"""Requests and responses of batches."""

from aasim_core.schemas.fields import Boolean, Choice, Id, Instant, Integer, ListOf, Object, Text, Word
from aasim_core.schemas.rules import AnyOf
from aasim_core.schemas.schema import RecordOut, Schema

from ...executions.resources import CostOut
from ..models import BATCH_KINDS, BATCH_STATUSES, RUN_VERDICTS, VERDICTS

MOST_NAMED = 100
_MOST_SHOWN = 20


class RunFilterIn(Schema):
    """The selected runs: those of a workflow that match all criteria."""

    workflow_id = Id("workflow", required=True)
    version = Integer(1, description="Those of this version of the definition.")
    execution_ids = ListOf(Id("exec"), MOST_NAMED, min_items=1, unique=True, description="These.")
    since_at = Instant(description="Those started from then on, inclusive.", example="2026-01-01T00:00:00Z")
    until_at = Instant(description="Those started before then.")


class GoingFilterIn(RunFilterIn):
    """The selected runs, of those that have not ended."""

    waiting_for = Word(1, 64, description="Those with this wait, as executions show it.", example="approval")


class MigrateIn(Schema):
    """Runs to migrate to another version."""

    filter = Object(GoingFilterIn, required=True)
    to = Integer(1, required=True, description="The version of the definition.")
    dry_run = Boolean(load_default=False, description="Only report the result for each, with 200.")


class OverFilterIn(RunFilterIn):
    """The selected ended runs; since_at or execution_ids are required."""

    error_fingerprint = Word(
        16, 16, description="Those with the same kind of failure, as in analytics.", example="9f86d081884c7d65"
    )
    status = ListOf(
        Choice("succeeded", "failed", "cancelled", "timed_out"), 4, min_items=1, unique=True, load_default=("failed", "timed_out"),
        description="Those with one of these results.",
    )  # fmt: skip

    rules = (AnyOf("since_at", "execution_ids"),)


class RerunIn(Schema):
    """The part of many runs to repeat."""

    filter = Object(
        OverFilterIn,
        required=True,
        example={"workflow_id": "workflow_01h455vb4pex5vsknk084sn02q", "since_at": "2026-01-01T00:00:00Z"},
    )
    paths = ListOf(
        Text(1, 400), 200, unique=True, allow_none=True, load_default=None,
        description="The nodes to begin with, including everything after them. null is what failed in each run.", example=["fetch"],
    )  # fmt: skip
    version = Integer(1, description="The version of the definition; each run's own by default.")
    dry_run = Boolean(load_default=False, description="Only report the result for each, with 200.")


class RunVerdictOut(Schema):
    """What becomes of a run."""

    execution_id = Id("exec", required=True)
    verdict = Choice(*RUN_VERDICTS, required=True)
    reason = Word(allow_none=True, required=True, description="Why, for programs.", example="changed")
    path = Text(allow_none=True, required=True, description="The blocking node.", example="load[17].parse")
    explanation = Text(max_length=1000, multiline=True, allow_none=True, required=True)


class RunsCountOut(Schema):
    """The number of runs with a result."""

    verdict = Choice(*RUN_VERDICTS, required=True)
    count = Integer(0, required=True)


class NodesCountOut(Schema):
    """The number of nodes of repeated runs with a result."""

    verdict = Choice(*VERDICTS, required=True)
    count = Integer(0, required=True)


class PlanOut(Schema):
    """The batch, or with dry_run its expected results."""

    count = Integer(0, required=True, description="Number of selected runs.")
    verdicts = ListOf(Object(RunsCountOut), required=True, description="With dry_run, the expected results of the runs.")
    nodes = ListOf(Object(NodesCountOut), required=True, description="With dry_run, the expected results of the nodes.")
    executions = ListOf(
        Object(RunVerdictOut), _MOST_SHOWN, required=True, description="With dry_run some of them, unchanged ones first."
    )
    estimated_costs = ListOf(
        Object(CostOut), required=True, description="The last cost of the nodes to repeat, in each currency."
    )
    batch_id = Id("batch", allow_none=True, required=True, description="null with dry_run, or without selected runs.")


class BatchOut(RecordOut):
    """The progress of a batch."""

    id = Id("batch", required=True)
    workflow_id = Id("workflow", required=True)
    workflow_name = Text(required=True, description="The workflow's name at that time.")
    kind = Choice(*BATCH_KINDS, required=True)
    count = Integer(0, required=True, description="Number of selected runs.")
    done = Integer(0, required=True, description="Number of runs with a result.")
    verdicts = ListOf(Object(RunsCountOut), required=True)
    status = Choice(*BATCH_STATUSES, required=True)
    created_by = Id("user", required=True)


class BatchRunOut(RecordOut):
    """The result for a run."""

    id = Id("batchrun", required=True)
    batch_id = Id("batch", required=True)
    execution_id = Id("exec", required=True)
    verdict = Choice(*RUN_VERDICTS, allow_none=True, required=True, description="null before its turn.")
    reason = Word(allow_none=True, required=True, description="Why, for programs.", example="changed")
    path = Text(allow_none=True, required=True, description="The blocking node.", example="load[17].parse")
    explanation = Text(max_length=1000, multiline=True, allow_none=True, required=True)
    started_id = Id("exec", allow_none=True, required=True, description="The run that replaces it.")
