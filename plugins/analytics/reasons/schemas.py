"""Requests and responses of explanations."""

from aasim_core.lists.query import Parameters
from aasim_core.schemas.fields import Choice, Id, Instant, Integer, ListOf, Object, Text, Word
from aasim_core.schemas.schema import Schema

from ..rollups.views import GROUPS
from ..schemas import MOST_GROUPS, GroupOut, span_query

FAILURES_QUERY = Parameters(
    {**span_query(), "limit": Integer(1, 100, load_default=20, description="Maximum number of kinds, the most frequent first.")}
)
#: Groupings of calls: these have no status.
EXPLAINED_BY = tuple(name for name in GROUPS if name not in ("status", "error"))
EXPLAIN_QUERY = Parameters(
    {
        **span_query(),
        "than_from": Instant(description="Beginning of the comparison period; by default it is as long as the period and ends with its "
            "beginning."),
        "than_to": Instant(description="End of the comparison period, exclusive; from by default."),
        "group_by": ListOf(
            Choice(*EXPLAINED_BY), MOST_GROUPS, min_items=1, unique=True, load_default=("engine",),
            description="Groupings whose shares make up the mix, up to two.",
        ),
    }
)  # fmt: skip


class SubjectOut(Schema):
    """The object that failed."""

    subject_id = Id(
        allow_none=True, required=True, description="Such as an agent or a workflow; null for runs without an object."
    )
    count = Integer(1, required=True)
    first_version = Integer(allow_none=True, required=True, description="The first version that failed this way in the range.")
    last_version = Integer(allow_none=True, required=True)


class SampleOut(Schema):
    """A failed run."""

    execution_id = Id("exec", required=True)
    finished_at = Instant(required=True)


class FailureOut(Schema):
    """A kind of failure."""

    fingerprint = Word(
        16, 16, required=True, description="The kind, also a filter of executions: error_fingerprint.", example="9f86d081884c7d65"
    )
    count = Integer(1, required=True)
    code = Text(required=True, example="engine_timeout")
    message = Text(
        required=True, description="Without details that vary between runs: quotations, numbers, ids and addresses.",
        example="The engine gave no answer within <number> s.",
    )  # fmt: skip
    path = Text(allow_none=True, required=True, description="The step, without its iteration.", example="engine")
    engine_id = Id("engine", allow_none=True, required=True, description="The engine that answered last.")
    tool = Text(
        allow_none=True, required=True, description="The ref of the tool that the step called.", example="app:orders/refund"
    )
    first_at = Instant(required=True, description="When the first of them failed in the range.")
    last_at = Instant(required=True)
    subjects = ListOf(Object(SubjectOut), required=True, description="The most affected objects, at most five.")
    samples = ListOf(Object(SampleOut), required=True, description="The latest of them, at most three.")
    executions = Text(
        max_length=1000, required=True, description="The list of all of them; each can be repeated with its /retry.",
        example="/api/v1/executions?error_fingerprint=9f86d081884c7d65",
    )  # fmt: skip


class FailuresOut(Schema):
    """The failures of a range, by kind."""

    starts_at = Instant(required=True)
    ends_at = Instant(required=True)
    failures = Integer(0, required=True, description="Runs that failed or timed out.")
    kinds = Integer(0, required=True, description="Number of their kinds.")
    rows = ListOf(Object(FailureOut), required=True)


class PeriodOut(Schema):
    """A period."""

    starts_at = Instant(required=True)
    ends_at = Instant(required=True)


class CostPartsOut(Schema):
    """The causes of a difference in cost, in micro-units; the parts sum to it."""

    volume = Integer(required=True, description="There were more calls, or fewer.")
    mix = Integer(required=True, description="Other groups had a greater share of the calls.")
    tokens = Integer(required=True, description="Tokens per call changed.")
    price = Integer(required=True, description="Cost per token changed.")
    corrections = Integer(required=True, description="Corrections of calls from other periods.")


class SuccessPartsOut(Schema):
    """The causes of a difference in successful runs, in millionths of a run; the parts sum to it."""

    volume = Integer(required=True, description="There were more runs, or fewer.")
    mix = Integer(required=True, description="Other groups had a greater share of the runs.")
    rate = Integer(required=True, description="The success rate of a group changed.")


class CostGroupOut(Schema):
    """The same parts of one group."""

    group = Object(GroupOut, required=True)
    parts = Object(CostPartsOut, required=True)


class SuccessGroupOut(Schema):
    """The same parts of one group."""

    group = Object(GroupOut, required=True)
    parts = Object(SuccessPartsOut, required=True)


class CostChangeOut(Schema):
    """The change of the cost in a currency."""

    currency = Text(required=True, example="EUR")
    before = Integer(required=True, description="Micro-units, like the others.")
    after = Integer(required=True)
    difference = Integer(required=True)
    parts = Object(CostPartsOut, required=True)
    groups = ListOf(Object(CostGroupOut), required=True, description="Those with the greatest effect first, at most a hundred.")


class SuccessChangeOut(Schema):
    """The change of the number of successful runs."""

    before = Integer(required=True, description="Millionths of a run, like the others; cancelled runs do not count.")
    after = Integer(required=True)
    difference = Integer(required=True)
    parts = Object(SuccessPartsOut, required=True)
    groups = ListOf(Object(SuccessGroupOut), required=True)


class ExplainOut(Schema):
    """The causes of the difference to the comparison period."""

    before = Object(PeriodOut, required=True)
    after = Object(PeriodOut, required=True)
    group_by = ListOf(Choice(*EXPLAINED_BY), MOST_GROUPS, required=True)
    method = Text(required=True, example="shapley", description="The parts are Shapley values, in whole numbers.")
    costs = ListOf(Object(CostChangeOut), required=True, description="By currency.")
    success = Object(SuccessChangeOut, required=True)
