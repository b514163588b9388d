"""What clients write about batches, and what they get."""

from aasim_core.schemas.fields import Boolean, Choice, Id, Instant, Integer, ListOf, Object, Text, Word
from aasim_core.schemas.schema import RecordOut, Schema

from ..models import BATCH_KINDS, BATCH_STATUSES, RUN_VERDICTS, VERDICTS

MOST_NAMED = 100
_MOST_SHOWN = 20


class RunFilterIn(Schema):
    """Which runs are meant: those of a workflow that meet all of what is written."""

    workflow_id = Id("workflow", required=True)
    version = Integer(1, description="Those of this version of the definition.")
    execution_ids = ListOf(Id("exec"), MOST_NAMED, min_items=1, unique=True, description="These.")
    since_at = Instant(description="Those that were started then or later.", example="2026-01-01T00:00:00Z")
    until_at = Instant(description="Those that were started earlier.")


class GoingFilterIn(RunFilterIn):
    """Which runs are meant, of those that are not over."""

    waiting_for = Word(1, 64, description="Those that wait for it, as executions tell it.", example="approval")


class MigrateIn(Schema):
    """Runs that are to go on with another version."""

    filter = Object(GoingFilterIn, required=True)
    to = Integer(1, required=True, description="The version of the definition.")
    dry_run = Boolean(load_default=False, description="Only tell what would become of each, with 200.")


class OverFilterIn(RunFilterIn):
    """Which runs are meant, of those that are over; since_at or execution_ids are needed."""

    error_fingerprint = Word(16, 16, description="Those that failed alike, as analytics tells it.", example="9f86d081884c7d65")
    status = ListOf(
        Choice("succeeded", "failed", "cancelled", "timed_out"), 4, min_items=1, unique=True, load_default=("failed", "timed_out"),
        description="Those that have come to one of these ends.",
    )  # fmt: skip


class RerunIn(Schema):
    """What of many runs is to be done again."""

    filter = Object(OverFilterIn, required=True)
    paths = ListOf(
        Text(1, 400), 200, unique=True, allow_none=True, load_default=None,
        description="The nodes to begin with; what comes after them is done again, too. null is what failed in each.", example=["fetch"],
    )  # fmt: skip
    version = Integer(1, description="The version of the definition; that of each run if it is left out.")
    dry_run = Boolean(load_default=False, description="Only tell what would become of each, with 200.")


class RunVerdictOut(Schema):
    """What becomes of a run."""

    execution_id = Id("exec", required=True)
    verdict = Choice(*RUN_VERDICTS, required=True)
    reason = Word(allow_none=True, required=True, description="Why, for programs.", example="changed")
    path = Text(allow_none=True, required=True, description="The node in the way.", example="load[17].parse")
    explanation = Text(max_length=1000, multiline=True, allow_none=True, required=True)


class RunsCountOut(Schema):
    """How many runs it is that have a verdict."""

    verdict = Choice(*RUN_VERDICTS, required=True)
    count = Integer(0, required=True)


class NodesCountOut(Schema):
    """How many nodes of re-runs it is that have a verdict."""

    verdict = Choice(*VERDICTS, required=True)
    count = Integer(0, required=True)


class CostOut(Schema):
    """An amount of money."""

    currency = Text(allow_none=True, required=True, example="USD")
    cost = Integer(required=True, description="Micro-units.")


class PlanOut(Schema):
    """What is done, and with dry_run what would become of the runs."""

    count = Integer(0, required=True, description="How many runs are meant.")
    verdicts = ListOf(Object(RunsCountOut), required=True, description="With dry_run, what would become of them.")
    nodes = ListOf(Object(NodesCountOut), required=True, description="With dry_run, what would become of the nodes in re-runs.")
    executions = ListOf(
        Object(RunVerdictOut), _MOST_SHOWN, required=True, description="With dry_run some of them, first what is kept."
    )
    estimated_costs = ListOf(
        Object(CostOut), required=True, description="What the nodes cost the last time that are done again, in each currency."
    )
    batch_id = Id("batch", allow_none=True, required=True, description="null with dry_run, or where no runs are meant.")


class BatchOut(RecordOut):
    """How a batch goes."""

    id = Id("batch", required=True)
    workflow_id = Id("workflow", required=True)
    workflow_name = Text(required=True, description="What the workflow was called then.")
    kind = Choice(*BATCH_KINDS, required=True)
    count = Integer(0, required=True, description="How many runs are meant.")
    done = Integer(0, required=True, description="Of how many it is known what became of them.")
    verdicts = ListOf(Object(RunsCountOut), required=True)
    status = Choice(*BATCH_STATUSES, required=True)
    created_by = Id("user", required=True)


class BatchRunOut(RecordOut):
    """What became of a run."""

    id = Id("batchrun", required=True)
    batch_id = Id("batch", required=True)
    execution_id = Id("exec", required=True)
    verdict = Choice(*RUN_VERDICTS, allow_none=True, required=True, description="null as long as it is not its turn.")
    reason = Word(allow_none=True, required=True, description="Why, for programs.", example="changed")
    path = Text(allow_none=True, required=True, description="The node in the way.", example="load[17].parse")
    explanation = Text(max_length=1000, multiline=True, allow_none=True, required=True)
    started_id = Id("exec", allow_none=True, required=True, description="The run that was started instead.")
