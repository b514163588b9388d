"""What clients write about rubrics, and what they get."""

from aasim_core.schemas.fields import Boolean, Choice, Id, Instant, Integer, Json, ListOf, Number, Object, Patterned, Text
from aasim_core.schemas.schema import RecordOut, Schema

from .models import ACTIVE, ALL, NAMED, STATUSES
from .verdict import AGGREGATIONS

ON_FAIL = ("record", "approval", "fail", "retry")
VERDICTS = ("pass", "review", "fail", "unscored")
_LARGEST_INPUT, _LARGEST_OUTPUT = 262_144, 1_000_000
_EXAMPLE = {"key": "short", "weight": 1, "grader": "length", "parameters": {"max": 60, "unit": "words"}}


class LevelIn(Schema):
    """A step of a judge's scale."""

    score = Number(0, 1, required=True)
    meaning = Text(1, 500, required=True, description="What work on this level looks like.")


class CriterionIn(Schema):
    """One thing that an output is scored by."""

    key = Patterned(
        "[a-z][a-z0-9_]{0,39}", 'lower-case letters, digits and underscores, such as "is_polite"', max_length=40, required=True
    )
    weight = Number(0.001, 1, required=True, description="Its share of the whole; those of all criteria add up to 1.")
    grader = Text(1, 64, required=True, description="One of the graders that the installation's plugins bring.", example="length")
    parameters = Json(object_only=True, load_default=dict, description="What the grader needs to know.")
    must_pass = Boolean(load_default=False, description="Whether the whole fails where this one does.")
    scale = ListOf(
        Object(LevelIn),
        5,
        min_items=2,
        allow_none=True,
        load_default=None,
        description="The levels between which a model chooses; not met, in part and fully if it is null.",
    )


class RubricIn(Schema):
    """A rubric as a client writes it."""

    name = Text(1, 120, required=True, description="Unique among the engine's rubrics.")
    description = Text(max_length=2_000, multiline=True, load_default="")
    criteria = ListOf(Object(CriterionIn), 20, min_items=1, required=True, example=[_EXAMPLE])
    aggregation = Choice(*AGGREGATIONS, load_default="weighted_mean", description="all: every criterion reaches the threshold.")
    threshold = Number(0, 1, load_default=0.7, description="The score from which on an output passes.")
    min_coverage = Number(0, 1, load_default=0.5, description="The share of the weight that must be scored for a verdict.")
    on_fail = Choice(*ON_FAIL, load_default="record", description="What becomes of a result that fails.")
    judge_engine_id = Id("engine", allow_none=True, load_default=None, description="The engine that llm_judge asks.")
    status = Choice(*STATUSES, load_default=ACTIVE, description="disabled: no result is scored by it.")
    applies_to = Choice(
        ALL,
        NAMED,
        load_default=ALL,
        description="all: it scores every agent on its engine, and those that name it in rubric_ids. named: only those that name it.",
    )


class RubricOut(RecordOut):
    """A rubric as a client gets it."""

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
        description="What is allowed, and seldom meant.",
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
    """Something to score, as if an agent had made it."""

    input = Json(required=True, max_bytes=_LARGEST_INPUT, description="What it was made for.")
    output = Json(required=True, max_bytes=_LARGEST_OUTPUT)
    expected = Json(allow_none=True, load_default=None, max_bytes=_LARGEST_INPUT, description="What would be right, if known.")


class CriterionResultOut(Schema):
    """What one criterion came to."""

    key = Text(required=True, example="is_short")
    grader = Text(required=True, example="length")
    weight = Number(required=True)
    must_pass = Boolean(required=True)
    score = Number(allow_none=True, required=True, description="null where the grader abstained.")
    verdict = Choice("pass", "fail", "unscored", required=True)
    reason = Text(max_length=2_000, multiline=True, required=True)
    evidence = Json(allow_none=True, required=True)


class ResultOut(Schema):
    """How something was scored by a rubric."""

    rubric_id = Id("rubric", required=True)
    rubric_version = Integer(required=True)
    name = Text(required=True)
    verdict = Choice(*VERDICTS, required=True)
    score = Number(allow_none=True, required=True)
    coverage = Number(required=True, description="The share of the weight that was scored.")
    on_fail = Choice(*ON_FAIL, required=True, description="record where a judge may not decide.")
    notes = ListOf(Text(max_length=300), required=True, example=["One criterion could not be scored."])
    criteria = ListOf(Object(CriterionResultOut), required=True)


class ScoreOut(Schema):
    """What one criterion gave the output of one execution."""

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
    """What a person says of a score."""

    verdict = Choice("pass", "fail", required=True, description="What the criterion's verdict should have been.")
    comment = Text(max_length=2_000, multiline=True, load_default="")


class LabelOut(RecordOut):
    """A person's word on a score."""

    id = Id("label", required=True)
    score_id = Id("score", required=True)
    created_by = Id("user", required=True)
    verdict = Choice("pass", "fail", required=True)
    comment = Text(max_length=2_000, multiline=True, required=True)


class CriterionAgreementOut(Schema):
    """How far one criterion agrees with people."""

    key = Text(required=True, example="is_short")
    grader = Text(required=True, example="length")
    labels = Integer(required=True)
    observed = Number(allow_none=True, required=True, description="The share of labels that are the same.")
    kappa = Number(allow_none=True, required=True, description="Cohen's; null without labels, and where chance explains it all.")
    may_gate = Boolean(required=True, description="false: a model that judges and disagrees; on_fail is then record.")


class AgreementOut(Schema):
    """How far the criteria of a rubric's current version agree with people."""

    rubric_id = Id("rubric", required=True)
    rubric_name = Text(required=True, example="Short answers")
    rubric_version = Integer(required=True)
    criteria = ListOf(Object(CriterionAgreementOut), required=True)


class SourceIn(Schema):
    """Where an example comes from."""

    type = Choice("manual", "execution", "approval", required=True)
    id = Text(1, 64, allow_none=True, load_default=None, description="The object's, where it is from one.")


class ExampleIn(Schema):
    """A case to try agents with, as a client writes it."""

    name = Text(max_length=120, load_default="")
    input = Json(required=True, max_bytes=_LARGEST_INPUT, example="Summarize: …")
    expected = Json(allow_none=True, load_default=None, max_bytes=_LARGEST_INPUT, description="What would be right, if known.")
    source = Object(SourceIn, load_default=lambda: {"type": "manual", "id": None})


class ExampleOut(RecordOut):
    """A case to try agents with, as a client gets it."""

    id = Id("example", required=True)
    rubric_id = Id("rubric", required=True)
    name = Text(required=True)
    input = Json(required=True)
    expected = Json(allow_none=True, required=True)
    source = Object(SourceIn, required=True)


class EvaluationIn(Schema):
    """What is to be tried with the rubric's examples."""

    agent_id = Id("agent", required=True)
    version = Integer(1, description="The version of the agent's definition; the current one if it is left out.")


class EvaluationOut(RecordOut):
    """How a version of an agent did with the examples."""

    id = Id("evaluation", required=True)
    version = Integer(required=True, description="Counts every change, those of its cases too.")
    rubric_id = Id("rubric", required=True)
    rubric_name = Text(required=True, example="Short answers")
    rubric_version = Integer(required=True)
    agent_id = Id("agent", required=True)
    agent_version = Integer(required=True)
    created_by = Id("user", required=True)
    status = Choice("running", "done", "failed", required=True)
    total = Integer(required=True, description="How many examples there are.")
    score = Number(allow_none=True, required=True, description="The mean of the scored ones, when it is done.")
    verdicts = Json(object_only=True, allow_none=True, required=True, description="How many of each verdict, and broken runs.")
    error = Json(object_only=True, allow_none=True, required=True)
    finished_at = Instant(allow_none=True, required=True)


class CaseOut(Schema):
    """What became of one example."""

    example_id = Id("example", required=True)
    number = Integer(required=True)
    status = Choice("waiting", "started", "scored", "broken", required=True, description="broken: the run gave no output.")
    execution_id = Id("exec", allow_none=True, required=True)
    verdict = Choice(*VERDICTS, allow_none=True, required=True)
    score = Number(allow_none=True, required=True)
    error = Json(object_only=True, allow_none=True, required=True)


class EvaluationDetailOut(EvaluationOut):
    """The same, with what became of each example."""

    cases = ListOf(Object(CaseOut), 200, required=True)


CompareQuery = Schema.from_dict(
    {"with": Id("evaluation", description="Another evaluation with the same rubric; the agent's one before if left out.")},
    name="CompareQuery",
)


class ChangeOut(Schema):
    """How one example changed."""

    example_id = Id("example", required=True)
    before = Object(CaseOut, required=True)
    after = Object(CaseOut, required=True)


class ComparisonOut(Schema):
    """Which examples got worse, and which better."""

    rubric_name = Text(required=True, example="Short answers")
    evaluation_id = Id("evaluation", required=True)
    before_id = Id("evaluation", required=True)
    worse = ListOf(Object(ChangeOut), 200, required=True, description="The worst changes first.")
    better = ListOf(Object(ChangeOut), 200, required=True)
    unchanged = Integer(required=True)
    without_counterpart = Integer(required=True, description="Examples whose runs are over in one of both only.")
