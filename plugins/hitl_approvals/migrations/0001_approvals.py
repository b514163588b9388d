"""Approvals, whom they are put to and their votes; policies and delegations."""

from peewee import BigIntegerField, BooleanField, CompositeKey, Model, TextField


def up(migrator, db):
    class Approval(Model):
        id = TextField(primary_key=True)
        version = BigIntegerField()
        created_at = TextField()
        updated_at = TextField()
        organization_id = TextField()
        kind = TextField()
        status = TextField()
        execution_id = TextField(null=True)
        step = BigIntegerField(null=True)
        tool = TextField(null=True)
        project_id = TextField(null=True)
        title = TextField()
        summary = TextField()
        payload = TextField(null=True)
        action_hash = TextField()
        editable = TextField()
        risk = TextField()
        risk_rank = BigIntegerField()
        requested_by = TextField(null=True)
        own_requests = BooleanField()
        policy_id = TextField(null=True)
        assignees = TextField()
        level = BigIntegerField()
        quorum = BigIntegerField()
        votes = TextField()
        due_seconds = BigIntegerField()
        due_at = TextField()
        decision = TextField(null=True)

        class Meta:
            database = db
            table_name = "hitl_approvals_approval"
            indexes = (
                (("organization_id", "created_at", "id"), False),
                (("organization_id", "status", "risk_rank", "due_at", "id"), False),
                (("organization_id", "execution_id"), False),
            )

    class Assignee(Model):
        organization_id = TextField()
        approval_id = TextField()
        level = BigIntegerField()
        type = TextField()
        subject_id = TextField()

        class Meta:
            database = db
            table_name = "hitl_approvals_assignee"
            primary_key = CompositeKey("organization_id", "approval_id", "level", "type", "subject_id")
            indexes = ((("organization_id", "type", "subject_id"), False),)

    class Vote(Model):
        id = TextField(primary_key=True)
        version = BigIntegerField()
        created_at = TextField()
        updated_at = TextField()
        organization_id = TextField()
        approval_id = TextField()
        action_hash = TextField()
        user_id = TextField()
        seat_id = TextField()
        level = BigIntegerField()
        choice = TextField()
        comment = TextField(null=True)
        edits = TextField(null=True)

        class Meta:
            database = db
            table_name = "hitl_approvals_vote"
            indexes = (
                (("organization_id", "approval_id", "action_hash", "user_id"), True),
                (("organization_id", "approval_id", "action_hash", "seat_id"), True),
            )

    class Policy(Model):
        id = TextField(primary_key=True)
        version = BigIntegerField()
        created_at = TextField()
        updated_at = TextField()
        organization_id = TextField()
        name = TextField()
        position = BigIntegerField()
        active = BooleanField()
        required = BooleanField()
        kinds = TextField()
        tool = TextField(null=True)
        effects = TextField()
        verdicts = TextField()
        condition = TextField(null=True)
        assignees = TextField()
        quorum = BigIntegerField()
        due_seconds = BigIntegerField()
        own_requests = BooleanField()
        editable = TextField()

        class Meta:
            database = db
            table_name = "hitl_approvals_policy"
            indexes = (
                (("organization_id", "created_at", "id"), False),
                (("organization_id", "position", "id"), False),
                (("organization_id", "name"), True),
            )

    class Delegation(Model):
        id = TextField(primary_key=True)
        version = BigIntegerField()
        created_at = TextField()
        updated_at = TextField()
        organization_id = TextField()
        from_user_id = TextField()
        to_user_id = TextField()
        until = TextField()
        reason = TextField()

        class Meta:
            database = db
            table_name = "hitl_approvals_delegation"
            indexes = (
                (("organization_id", "created_at", "id"), False),
                (("organization_id", "to_user_id", "until"), False),
                (("organization_id", "from_user_id"), False),
            )

    db.create_tables([Approval, Assignee, Vote, Policy, Delegation])


def down(migrator, db):
    for table in ("delegation", "policy", "vote", "assignee", "approval"):
        db.execute_sql(f"DROP TABLE hitl_approvals_{table}")
