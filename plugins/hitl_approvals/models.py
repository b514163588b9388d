"""The records of approvals: questions, assignees, votes, policies and delegations."""

import peewee

from aasim_core.data.fields import IdField, InstantField, JsonField
from aasim_core.data.records import Row, TenantRecord

PENDING, ESCALATED = "pending", "escalated"
APPROVED, REJECTED, EXPIRED, CANCELLED = "approved", "rejected", "expired", "cancelled"
#: Somebody may still decide.
OPEN = (PENDING, ESCALATED)
STATUSES = (PENDING, APPROVED, REJECTED, ESCALATED, EXPIRED, CANCELLED)
KINDS = ("tool_call", "unknown_outcome", "result", "request")
#: The least first; an approval's `risk_rank` is the place in it.
RISKS = ("low", "medium", "high")

USER, ROLE, TEAM, HEAD, MANAGER, OWNER, PERMISSION = (
    "user", "role", "team", "department_head", "branch_manager", "owner", "permission",
)  # fmt: skip
#: In a policy: the lowest level of escalation.
LADDER = "ladder"
#: Whom an approval can be put to.
ASSIGNEE_TYPES = (USER, ROLE, TEAM, HEAD, MANAGER, OWNER, PERMISSION)
APPROVE, REJECT = "approve", "reject"
#: Of a policy.
POLICY_STATUSES = ACTIVE, DISABLED = ("active", "disabled")


class Approval(TenantRecord):
    """A question to people. `payload` is the current action, with the edits of its approvers so far.

    `editable_schema` is the JSON Schema of the editable part, and `proposed` the action before all edits, if any. `assignees` are those of
    the current `level`, and `votes` all votes, as in responses. `quorum` is how many of that level must approve: `policy_quorum`, or all if
    there are fewer. Each level has `due_seconds`, in business hours. `replaces` is the approval of the previous action. `decided_at` is
    when it was no longer open, also where nobody decided.
    """

    kind = peewee.TextField(default="tool_call")
    status = peewee.TextField(default=PENDING)
    execution_id = IdField(null=True)
    step = peewee.BigIntegerField(null=True)
    path = peewee.TextField(null=True)
    tool = peewee.TextField(null=True)
    project_id = IdField(null=True)
    agent_id = IdField(null=True)
    replaces = IdField(null=True)
    title = peewee.TextField()
    summary = peewee.TextField(default="")
    payload = JsonField(null=True)
    proposed = JsonField(null=True)
    action_hash = peewee.TextField()
    editable = JsonField(default=list)
    editable_schema = JsonField(null=True)
    risk = peewee.TextField(default="medium")
    risk_rank = peewee.BigIntegerField(default=1)
    initiator_id = IdField(null=True)
    own_requests = peewee.BooleanField(default=False)
    policy_id = IdField(null=True)
    assignees = JsonField(default=list)
    level = peewee.BigIntegerField(default=1)
    quorum = peewee.BigIntegerField(default=1)
    policy_quorum = peewee.BigIntegerField(default=1)
    votes = JsonField(default=list)
    due_seconds = peewee.BigIntegerField()
    due_at = InstantField()
    decision = JsonField(null=True)
    decided_at = InstantField(null=True)

    class Meta:
        table_name = "hitl_approvals_approval"
        id_prefix = "approval"
        indexes = (
            (("organization_id", "created_at", "id"), False),
            (("organization_id", "status", "risk_rank", "due_at", "id"), False),
            (("organization_id", "execution_id"), False),
            (("organization_id", "due_at", "id"), False),
            (("organization_id", "project_id"), False),
            (("organization_id", "initiator_id"), False),
        )


Approval.add_index(
    Approval.organization_id,
    Approval.decided_at,
    where=Approval.decided_at.is_null(False),
    name="hitl_approvals_approval_decided",
)


class Assignee(Row):
    """Whom an approval was put to at one of its levels; `subject_id` is empty where the kind says it all.

    `is_open` is set while the approval is open at this level.
    """

    organization_id = IdField()
    approval_id = IdField()
    level = peewee.BigIntegerField()
    type = peewee.TextField()
    subject_id = IdField()
    is_open = peewee.BooleanField(default=True)

    class Meta:
        table_name = "hitl_approvals_assignee"
        primary_key = peewee.CompositeKey("organization_id", "approval_id", "level", "type", "subject_id")
        indexes = (
            (("organization_id", "type", "subject_id"), False),
            peewee.Index(
                "hitl_approvals_assignee_open",
                "hitl_approvals_assignee",
                [peewee.SQL("organization_id, type, subject_id, approval_id")],
                where=peewee.SQL("is_open"),
            ),
        )


class Vote(TenantRecord):
    """A vote on an action. `seat_id` is whose vote it is: the voter's own, or that of the member they stand in for.

    A person votes once on an action, and so does a seat.
    """

    approval_id = IdField()
    action_hash = peewee.TextField()
    user_id = IdField()
    seat_id = IdField()
    level = peewee.BigIntegerField()
    choice = peewee.TextField()
    comment = peewee.TextField(null=True)
    edits = JsonField(null=True)

    class Meta:
        table_name = "hitl_approvals_vote"
        id_prefix = "vote"
        indexes = (
            (("organization_id", "approval_id", "action_hash", "user_id"), True),
            (("organization_id", "approval_id", "action_hash", "seat_id"), True),
        )


class Policy(TenantRecord):
    """Which questions are asked, and who decides them. If several match, the one with the lowest `position` applies.

    Empty lists and nulls match everything. One that is not `required` does not require approval by itself.
    """

    name = peewee.TextField()
    position = peewee.BigIntegerField(default=100)
    status = peewee.TextField(default=ACTIVE)
    required = peewee.BooleanField(default=True)
    kinds = JsonField(default=list)
    tool = peewee.TextField(null=True)
    effects = JsonField(default=list)
    verdicts = JsonField(default=list)
    condition = peewee.TextField(null=True)
    assignees = JsonField(default=list)
    quorum = peewee.BigIntegerField(default=1)
    due_seconds = peewee.BigIntegerField()
    own_requests = peewee.BooleanField(default=False)
    editable = JsonField(default=list)

    class Meta:
        table_name = "hitl_approvals_policy"
        id_prefix = "policy"
        indexes = (
            (("organization_id", "created_at", "id"), False),
            (("organization_id", "position", "id"), False),
            (("organization_id", "name"), True),
        )


class Delegation(TenantRecord):
    """A delegation of decisions to another member, until a time; delegates cannot pass it on."""

    from_user_id = IdField()
    to_user_id = IdField()
    expires_at = InstantField()
    reason = peewee.TextField(default="")

    class Meta:
        table_name = "hitl_approvals_delegation"
        id_prefix = "delegation"
        indexes = (
            (("organization_id", "created_at", "id"), False),
            (("organization_id", "to_user_id", "expires_at"), False),
            (("organization_id", "from_user_id"), False),
        )
