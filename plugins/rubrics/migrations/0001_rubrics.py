"""Rubrics, their versions, scores, labels, examples and evaluations."""

from peewee import BigIntegerField, BooleanField, DoubleField, Model, TextField


def up(migrator, db):
    class Rubric(Model):
        id = TextField(primary_key=True)
        version = BigIntegerField()
        created_at = TextField()
        updated_at = TextField()
        organization_id = TextField()
        engine_id = TextField()
        name = TextField()
        description = TextField()
        criteria = TextField()
        aggregation = TextField()
        threshold = DoubleField()
        min_coverage = DoubleField()
        on_fail = TextField()
        judge_engine_id = TextField(null=True)
        active = BooleanField()
        rubric_version = BigIntegerField()
        deleted_at = TextField(null=True)

        class Meta:
            database = db
            table_name = "rubrics_rubric"
            indexes = (
                (("organization_id", "engine_id", "created_at", "id"), False),
                (("organization_id", "engine_id", "updated_at", "id"), False),
            )

    live = Rubric.deleted_at.is_null()
    Rubric.add_index(
        Rubric.organization_id, Rubric.engine_id, Rubric.name, unique=True, where=live, name="rubrics_rubric_live_name"
    )

    class RubricVersion(Model):
        id = TextField(primary_key=True)
        version = BigIntegerField()
        created_at = TextField()
        updated_at = TextField()
        organization_id = TextField()
        rubric_id = TextField()
        number = BigIntegerField()
        definition = TextField()
        author_id = TextField(null=True)

        class Meta:
            database = db
            table_name = "rubrics_version"
            indexes = ((("organization_id", "rubric_id", "number"), True),)

    class Score(Model):
        id = TextField(primary_key=True)
        version = BigIntegerField()
        created_at = TextField()
        updated_at = TextField()
        organization_id = TextField()
        rubric_id = TextField()
        rubric_version = BigIntegerField()
        key = TextField()
        grader = TextField()
        score = DoubleField(null=True)
        verdict = TextField()
        reason = TextField()
        evidence = TextField(null=True)
        execution_id = TextField(null=True)
        agent_id = TextField(null=True)
        agent_version = BigIntegerField(null=True)
        project_id = TextField(null=True)
        evaluation_id = TextField(null=True)

        class Meta:
            database = db
            table_name = "rubrics_score"
            indexes = (
                (("organization_id", "rubric_id", "created_at", "id"), False),
                (("organization_id", "execution_id"), False),
            )

    class Label(Model):
        id = TextField(primary_key=True)
        version = BigIntegerField()
        created_at = TextField()
        updated_at = TextField()
        organization_id = TextField()
        score_id = TextField()
        rubric_id = TextField()
        author_id = TextField()
        verdict = TextField()
        comment = TextField()

        class Meta:
            database = db
            table_name = "rubrics_label"
            indexes = (
                (("organization_id", "score_id", "author_id"), True),
                (("organization_id", "rubric_id", "created_at", "id"), False),
            )

    class Example(Model):
        id = TextField(primary_key=True)
        version = BigIntegerField()
        created_at = TextField()
        updated_at = TextField()
        organization_id = TextField()
        rubric_id = TextField()
        engine_id = TextField()
        name = TextField()
        input = TextField()
        expected = TextField(null=True)
        source = TextField()

        class Meta:
            database = db
            table_name = "rubrics_example"
            indexes = ((("organization_id", "rubric_id", "created_at", "id"), False),)

    class Evaluation(Model):
        id = TextField(primary_key=True)
        version = BigIntegerField()
        created_at = TextField()
        updated_at = TextField()
        organization_id = TextField()
        rubric_id = TextField()
        engine_id = TextField()
        rubric_name = TextField()
        rubric_version = BigIntegerField()
        agent_id = TextField()
        agent_version = BigIntegerField()
        project_id = TextField(null=True)
        author_id = TextField()
        status = TextField()
        total = BigIntegerField()
        score = DoubleField(null=True)
        verdicts = TextField(null=True)
        error = TextField(null=True)
        finished_at = TextField(null=True)

        class Meta:
            database = db
            table_name = "rubrics_evaluation"
            indexes = ((("organization_id", "rubric_id", "created_at", "id"), False),)

    class EvaluationCase(Model):
        id = TextField(primary_key=True)
        version = BigIntegerField()
        created_at = TextField()
        updated_at = TextField()
        organization_id = TextField()
        evaluation_id = TextField()
        example_id = TextField()
        number = BigIntegerField()
        input = TextField()
        expected = TextField(null=True)
        status = TextField()
        execution_id = TextField(null=True)
        verdict = TextField(null=True)
        score = DoubleField(null=True)
        error = TextField(null=True)

        class Meta:
            database = db
            table_name = "rubrics_case"
            indexes = ((("organization_id", "evaluation_id", "number"), True),)

    db.create_tables([Rubric, RubricVersion, Score, Label, Example, Evaluation, EvaluationCase])


def down(migrator, db):
    db.execute_sql("DROP TABLE rubrics_case")
    db.execute_sql("DROP TABLE rubrics_evaluation")
    db.execute_sql("DROP TABLE rubrics_example")
    db.execute_sql("DROP TABLE rubrics_label")
    db.execute_sql("DROP TABLE rubrics_score")
    db.execute_sql("DROP TABLE rubrics_version")
    db.execute_sql("DROP TABLE rubrics_rubric")
