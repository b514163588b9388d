"""The records of rubrics: rubrics and their versions, scores, labels, examples and evaluations."""

import peewee

from aasim_core.data.fields import IdField, InstantField, JsonField
from aasim_core.data.records import TenantRecord

#: The fields that make up a rubric's definition: a change of any of them makes a new version.
DEFINITION = ("criteria", "aggregation", "threshold", "min_coverage", "on_fail", "judge_engine_id")

#: Whose results a rubric scores: those of every agent of its engine, or of the agents that name it.
ALL, NAMED = "all", "named"
STATUSES = ACTIVE, DISABLED = ("active", "disabled")
RUNNING, DONE, FAILED = "running", "done", "failed"
#: Where an example of an evaluation stands.
WAITING, STARTED, SCORED, BROKEN = "waiting", "started", "scored", "broken"


class Rubric(TenantRecord):
    """How results of an engine's agents are scored; deleting it sets `deleted_at`, and frees its name.

    One that `applies_to` ``named`` scores the agents that name it, of any engine, and no others.
    """

    engine_id = IdField()
    name = peewee.TextField()
    description = peewee.TextField(default="")
    criteria = JsonField()
    aggregation = peewee.TextField(default="weighted_mean")
    threshold = peewee.DoubleField(default=0.7)
    min_coverage = peewee.DoubleField(default=0.5)
    on_fail = peewee.TextField(default="record")
    judge_engine_id = IdField(null=True)
    status = peewee.TextField(default=ACTIVE)
    applies_to = peewee.TextField(default=ALL)
    rubric_version = peewee.BigIntegerField(default=1)
    deleted_at = InstantField(null=True)

    class Meta:
        table_name = "rubrics_rubric"
        id_prefix = "rubric"
        references = {"engine_id": "engine", "judge_engine_id": "engine"}  # noqa: RUF012 - peewee's Meta is read once
        indexes = (
            (("organization_id", "engine_id", "created_at", "id"), False),
            (("organization_id", "engine_id", "updated_at", "id"), False),
            (("organization_id", "created_at", "id"), False),
        )


Rubric.add_index(
    Rubric.organization_id,
    Rubric.engine_id,
    Rubric.name,
    unique=True,
    where=Rubric.deleted_at.is_null(),
    name="rubrics_rubric_live_name",
)


class RubricVersion(TenantRecord):
    """The definition that a rubric had from some change on; it never changes."""

    rubric_id = IdField()
    number = peewee.BigIntegerField()
    definition = JsonField()
    created_by = IdField(null=True)

    class Meta:
        table_name = "rubrics_version"
        id_prefix = "rubricversion"
        indexes = ((("organization_id", "rubric_id", "number"), True),)


class Score(TenantRecord):
    """What one criterion gave one output; it is written once. `verdict` is pass, fail or unscored, of the criterion alone."""

    rubric_id = IdField()
    rubric_version = peewee.BigIntegerField()
    key = peewee.TextField()
    grader = peewee.TextField()
    score = peewee.DoubleField(null=True)
    verdict = peewee.TextField()
    reason = peewee.TextField()
    evidence = JsonField(null=True)
    execution_id = IdField(null=True)
    agent_id = IdField(null=True)
    agent_version = peewee.BigIntegerField(null=True)
    project_id = IdField(null=True)
    evaluation_id = IdField(null=True)

    class Meta:
        table_name = "rubrics_score"
        id_prefix = "score"
        indexes = ((("organization_id", "rubric_id", "created_at", "id"), False), (("organization_id", "execution_id"), False))


class Label(TenantRecord):
    """What a person says a score's verdict should have been: pass or fail."""

    score_id = IdField()
    rubric_id = IdField()
    created_by = IdField()
    verdict = peewee.TextField()
    comment = peewee.TextField(default="")

    class Meta:
        table_name = "rubrics_label"
        id_prefix = "label"
        indexes = (
            (("organization_id", "score_id", "created_by"), True),
            (("organization_id", "rubric_id", "created_at", "id"), False),
        )


class Example(TenantRecord):
    """A test case for agents: an input, and the correct answer (null if unknown). `source` is its origin."""

    rubric_id = IdField()
    engine_id = IdField()
    name = peewee.TextField(default="")
    input = JsonField()
    expected = JsonField(null=True)
    source = JsonField()

    class Meta:
        table_name = "rubrics_example"
        id_prefix = "example"
        indexes = ((("organization_id", "rubric_id", "created_at", "id"), False),)


class Evaluation(TenantRecord):
    """A version of an agent, tried with the examples of a rubric."""

    rubric_id = IdField()
    engine_id = IdField()
    rubric_name = peewee.TextField()
    rubric_version = peewee.BigIntegerField()
    agent_id = IdField()
    agent_version = peewee.BigIntegerField()
    project_id = IdField(null=True)
    created_by = IdField()
    api_key_id = IdField(null=True)
    status = peewee.TextField(default=RUNNING)
    total = peewee.BigIntegerField()
    score = peewee.DoubleField(null=True)
    verdicts = JsonField(null=True)
    error = JsonField(null=True)
    finished_at = InstantField(null=True)

    class Meta:
        table_name = "rubrics_evaluation"
        id_prefix = "evaluation"
        indexes = ((("organization_id", "rubric_id", "created_at", "id"), False),)


class EvaluationCase(TenantRecord):
    """One example in one evaluation, as the example was when the evaluation began."""

    evaluation_id = IdField()
    example_id = IdField()
    number = peewee.BigIntegerField()
    input = JsonField()
    expected = JsonField(null=True)
    status = peewee.TextField(default=WAITING)
    execution_id = IdField(null=True)
    verdict = peewee.TextField(null=True)
    score = peewee.DoubleField(null=True)
    error = JsonField(null=True)

    class Meta:
        table_name = "rubrics_case"
        id_prefix = "case"
        indexes = ((("organization_id", "evaluation_id", "number"), True),)
