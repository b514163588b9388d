"""Requests and responses of rubrics."""

from aasim_core.schemas.fields import Boolean, Choice, Id, Instant, Integer, Json, ListOf, Number, Object, Patterned, Text
from aasim_core.schemas.schema import RecordOut, Schema

from .models import ACTIVE, ALL, NAMED, STATUSES
from .verdict import AGGREGATIONS

ON_FAIL = ("record", "approval", "fail", "retry")
VERDICTS = ("pass", "review", "fail", "unscored")
_LARGEST_INPUT, _LARGEST_OUTPUT = 262_144, 1_000_000
_EXAMPLE = {"key": "short", "weight": 1, "grader": "length", "parameters": {"max": 60, "unit": "words"}}


class LevelIn(Schema):
    """A level of a judge's scale."""

    score = Number(0, 1, required=True)
    meaning = Text(1, 500, required=True, description="The description of work on this level.")


class CriterionIn(Schema):
    """One criterion of an output's score."""

    key = Patterned(
        "[a-z][a-z0-9_]{0,39}", 'lower-case letters, digits and underscores, such as "is_polite"', max_length=40, required=True
    )
    weight = Number(0.001, 1, required=True, description="Its share of the whole; the weights of all criteria add up to 1.")
    grader = Text(1, 64, required=True, description="One of the graders of the installed plugins.", example="length")
    parameters = Json(object_only=True, load_default=dict, description="The grader's parameters.")
    must_pass = Boolean(load_default=False, description="Whether the whole fails if this one does.")
    scale = ListOf(
        Object(LevelIn),
        5,
        min_items=2,
        allow_none=True,
        load_default=None,
        description="The levels from which a model chooses; not met, in part and fully if null.",
    )


class RubricIn(Schema):
    """A rubric in a request."""

    name = Text(1, 120, required=True, description="Unique among the engine's rubrics.")
    description = Text(max_length=2_000, multiline=True, load_default="")
    criteria = ListOf(Object(CriterionIn), 20, min_items=1, required=True, example=[_EXAMPLE])
    aggregation = Choice(*AGGREGATIONS, load_default="weighted_mean", description="all: every criterion reaches the threshold.")
    threshold = Number(0, 1, load_default=0.7, description="The minimum score to pass.")
    min_coverage = Number(0, 1, load_default=0.5, description="The share of the weight that must be scored for a verdict.")
    on_fail = Choice(*ON_FAIL, load_default="record", description="What happens to a failed result.")
    judge_engine_id = Id("engine", allow_none=True, load_default=None, description="The engine that llm_judge uses.")
    status = Choice(*STATUSES, load_default=ACTIVE, description="disabled: it scores no results.")
    applies_to = Choice(
        ALL,
        NAMED,
        load_default=ALL,
        description="all: it scores every agent on its engine, and those that name it in rubric_ids. named: only those that name it.",
    )


class RubricOut(RecordOut):
    """A rubric in a response."""

    id = Id("rubric", required=True)
    engine_id = Id("engine", required=True)
    name = Text(required=True)
    description = Text(max_length=2_000, multiline=True, required=True)
    criteria = ListOf(Object(CriterionIn), 20, required=True)
    aggregation = Choice(*AGGREGATIONS, required=True)
    threshold = Number(required=True)
    min_coverage = Number(required=True)
    on_fail = Choice(*ON_FAIL, required=True)
    judge_engine_id = Id("engine", allow_none=True, required=True)
    status = Choice(*STATUSES, required=True)
    applies_to = Choice(ALL, NAMED, required=True)
    rubric_version = Integer(required=True, description="The number of the current version of the definition.")
    warnings = ListOf(
        Text(max_length=300),
        required=True,
        description="Permitted, but rarely intended.",
        example=["The judge is the engine that is judged."],
    )


class VersionOut(Schema):
    """One version of a rubric's definition."""

    id = Id("rubricversion", required=True)
    rubric_id = Id("rubric", required=True)
    rubric_name = Text(required=True, example="Short answers")
    number = Integer(required=True)
    definition = Json(object_only=True, required=True)
    created_by = Id(allow_none=True, required=True)
    created_at = Instant(required=True)


class TryIn(Schema):
    """An output to score, as if an agent had produced it."""

    input = Json(required=True, max_bytes=_LARGEST_INPUT, description="The input.")
    output = Json(required=True, max_bytes=_LARGEST_OUTPUT)
    expected = Json(allow_none=True, load_default=None, max_bytes=_LARGEST_INPUT, description="The correct answer, if known.")


class CriterionResultOut(Schema):
    """The result of one criterion."""

    key = Text(required=True, example="is_short")
    grader = Text(required=True, example="length")
    weight = Number(required=True)
    must_pass = Boolean(required=True)
    score = Number(allow_none=True, required=True, description="null where the grader abstained.")
    verdict = Choice("pass", "fail", "unscored", required=True)
    reason = Text(max_length=2_000, multiline=True, required=True)
    evidence = Json(allow_none=True, required=True)


class ResultOut(Schema):
    """The score by a rubric."""

    rubric_id = Id("rubric", required=True)
    rubric_version = Integer(required=True)
    name = Text(required=True)
    verdict = Choice(*VERDICTS, required=True)
    score = Number(allow_none=True, required=True)
    coverage = Number(required=True, description="The scored share of the weight.")
    on_fail = Choice(*ON_FAIL, required=True, description="record where a judge may not decide.")
    notes = ListOf(Text(max_length=300), required=True, example=["One criterion could not be scored."])
    criteria = ListOf(Object(CriterionResultOut), required=True)


class ScoreOut(Schema):
    """The score of one execution's output by one criterion."""

    id = Id("score", required=True)
    rubric_id = Id("rubric", required=True)
    rubric_name = Text(required=True, example="Short answers")
    rubric_version = Integer(required=True)
    key = Text(required=True, example="is_short")
    grader = Text(required=True, example="length")
    score = Number(allow_none=True, required=True)
    verdict = Choice("pass", "fail", "unscored", required=True)
    reason = Text(max_length=2_000, multiline=True, required=True)
    evidence = Json(allow_none=True, required=True)
    execution_id = Id("exec", allow_none=True, required=True)
    agent_id = Id("agent", allow_none=True, required=True)
    agent_version = Integer(allow_none=True, required=True)
    evaluation_id = Id("evaluation", allow_none=True, required=True)
    created_at = Instant(required=True)


class LabelIn(Schema):
    """A person's verdict on a score."""

    verdict = Choice("pass", "fail", required=True, description="What the criterion's verdict should have been.")
    comment = Text(max_length=2_000, multiline=True, load_default="")


class LabelOut(RecordOut):
    """A person's verdict on a score."""

    id = Id("label", required=True)
    score_id = Id("score", required=True)
    created_by = Id("user", required=True)
    verdict = Choice("pass", "fail", required=True)
    comment = Text(max_length=2_000, multiline=True, required=True)


class CriterionAgreementOut(Schema):
    """The agreement of one criterion with people."""

    key = Text(required=True, example="is_short")
    grader = Text(required=True, example="length")
    labels = Integer(required=True)
    observed = Number(allow_none=True, required=True, description="The share of equal labels.")
    kappa = Number(allow_none=True, required=True, description="Cohen's; null without labels, or if chance explains everything.")
    may_gate = Boolean(required=True, description="false: a model judges and disagrees with people; on_fail is then record.")


class AgreementOut(Schema):
    """The agreement of a rubric's criteria with people, in its current version."""

    rubric_id = Id("rubric", required=True)
    rubric_name = Text(required=True, example="Short answers")
    rubric_version = Integer(required=True)
    criteria = ListOf(Object(CriterionAgreementOut), required=True)


class SourceIn(Schema):
    """The origin of an example."""

    type = Choice("manual", "execution", "approval", required=True)
    id = Text(1, 64, allow_none=True, load_default=None, description="The object's, if it comes from one.")


class ExampleIn(Schema):
    """A test case for agents in a request."""

    name = Text(max_length=120, load_default="")
    input = Json(required=True, max_bytes=_LARGEST_INPUT, example="Summarize: …")
    expected = Json(allow_none=True, load_default=None, max_bytes=_LARGEST_INPUT, description="The correct answer, if known.")
    source = Object(SourceIn, load_default=lambda: {"type": "manual", "id": None})


class ExampleOut(RecordOut):
    """A test case for agents in a response."""

    id = Id("example", required=True)
    rubric_id = Id("rubric", required=True)
    name = Text(required=True)
    input = Json(required=True)
    expected = Json(allow_none=True, required=True)
    source = Object(SourceIn, required=True)


class EvaluationIn(Schema):
    """What to evaluate with the rubric's examples."""

    agent_id = Id("agent", required=True)
    version = Integer(1, description="The version of the agent's definition; the current one by default.")


class EvaluationOut(RecordOut):
    """The result of an agent version on the examples."""

    id = Id("evaluation", required=True)
    version = Integer(required=True, description="Counts every change, including those of its cases.")
    rubric_id = Id("rubric", required=True)
    rubric_name = Text(required=True, example="Short answers")
    rubric_version = Integer(required=True)
    agent_id = Id("agent", required=True)
    agent_version = Integer(required=True)
    created_by = Id("user", required=True)
    status = Choice("running", "done", "failed", required=True)
    total = Integer(required=True, description="Number of examples.")
    score = Number(allow_none=True, required=True, description="The mean of the scored ones, once it is done.")
    verdicts = Json(
        object_only=True, allow_none=True, required=True, description="The number of each verdict, and of broken runs."
    )
    error = Json(object_only=True, allow_none=True, required=True)
    finished_at = Instant(allow_none=True, required=True)


class CaseOut(Schema):
    """The result of one example."""

    example_id = Id("example", required=True)
    number = Integer(required=True)
    status = Choice("waiting", "started", "scored", "broken", required=True, description="broken: the run produced no output.")
    execution_id = Id("exec", allow_none=True, required=True)
    verdict = Choice(*VERDICTS, allow_none=True, required=True)
    score = Number(allow_none=True, required=True)
    error = Json(object_only=True, allow_none=True, required=True)


class EvaluationDetailOut(EvaluationOut):
    """The same, with the result of each example."""

    cases = ListOf(Object(CaseOut), 200, required=True)


CompareQuery = Schema.from_dict(
    {"with": Id("evaluation", description="Another evaluation with the same rubric; by default the agent's previous one.")},
    name="CompareQuery",
)


class ChangeOut(Schema):
    """The change of one example."""

    example_id = Id("example", required=True)
    before = Object(CaseOut, required=True)
    after = Object(CaseOut, required=True)


class ComparisonOut(Schema):
    """Which examples got worse, and which improved."""

    rubric_name = Text(required=True, example="Short answers")
    evaluation_id = Id("evaluation", required=True)
    before_id = Id("evaluation", required=True)
    worse = ListOf(Object(ChangeOut), 200, required=True, description="The worst changes first.")
    better = ListOf(Object(ChangeOut), 200, required=True)
    unchanged = Integer(required=True)
    without_counterpart = Integer(required=True, description="Examples whose runs have ended in only one of both.")
