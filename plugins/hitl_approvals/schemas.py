"""Requests and responses of approvals."""

from collections.abc import Mapping
from typing import Any

from marshmallow import ValidationError, validates, validates_schema

from aasim_core.errors import Problem
from aasim_core.schemas.fields import Boolean, Choice, Id, Instant, Integer, Json, ListOf, Object, Patterned, Text, wrong
from aasim_core.schemas.rules import Needs
from aasim_core.schemas.schema import RecordOut, Schema
from aasim_core.user_code import expressions

from ..executions.hookspecs import EFFECTS
from . import models
from .decisions.actions import EDITABLE
from .policies.rules import DUE_SECONDS, NAMES

VERDICTS = ("pass", "review", "fail", "unscored")
_POINTER = (EDITABLE, 'a JSON pointer (RFC 6901) into /arguments, /output or /payload, such as "/arguments/amount"')
_HASH = ("[0-9a-f]{64}", "the action_hash of the approval, 64 hexadecimal digits")
_A_HASH = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
#: The id prefix that each type of assignee needs, or may have.
_PREFIXES = {models.USER: "user", models.ROLE: "role", models.TEAM: "team", models.HEAD: "dept", models.MANAGER: "branch"}


class SubjectOut(Schema):
    """The subject of the approval."""

    execution_id = Id("exec", allow_none=True, required=True)
    step = Integer(allow_none=True, required=True)
    path = Text(allow_none=True, required=True, description="Of the step or node that asks.", example="refund")
    tool = Text(allow_none=True, required=True)


class AssigneeOut(Schema):
    """An assignee of an approval."""

    type = Choice(*models.ASSIGNEE_TYPES, required=True)
    id = Id(allow_none=True, required=True)


class VoteOut(Schema):
    """A vote."""

    user_id = Id("user", required=True)
    on_behalf_of = Id("user", allow_none=True, required=True, description="The member for whom they vote by delegation.")
    choice = Choice(models.APPROVE, models.REJECT, required=True)
    comment = Text(max_length=2_000, multiline=True, allow_none=True, required=True)
    edits = Json(object_only=True, allow_none=True, required=True)
    action_hash = Text(required=True, description="The hash of the action that the vote is for.", example=_A_HASH)
    level = Integer(required=True)
    decided_at = Instant(required=True)
    withdrawn_at = Instant(allow_none=True, description="Since when it no longer counts.")


class AgentOut(Schema):
    """The agent that asks."""

    id = Id("agent", required=True)
    name = Text(allow_none=True, required=True, description="null: it was deleted.")


class InitiatorOut(Schema):
    """The user who started the run."""

    id = Id("user", required=True)
    label = Text(allow_none=True, required=True, description="Their name; null: the account was deleted.")


class DecisionOut(Schema):
    """How it ended."""

    approved = Boolean(required=True)
    user_id = Id("user", allow_none=True, required=True, description="null: nobody decided it.")
    decided_at = Instant(required=True)
    comment = Text(max_length=2_000, multiline=True, allow_none=True, required=True)
    edits = Json(object_only=True, allow_none=True, required=True, description="By JSON pointer.")


class ApprovalOut(RecordOut):
    """An approval in a response."""

    expandable = ("assignees", "votes", "decision")

    id = Id("approval", required=True)
    kind = Choice(*models.KINDS, required=True)
    status = Choice(*models.STATUSES, required=True, description="escalated: still open, at a higher level.")
    subject = Object(SubjectOut, required=True)
    project_id = Id(allow_none=True, required=True)
    title = Text(required=True)
    summary = Text(max_length=10_000, multiline=True, required=True, example="Refund 40.00 EUR for order 4711.")
    payload = Json(allow_none=True, required=True, description="The current action, including edits.")
    proposed_arguments = Json(allow_none=True, required=True, description="Of a tool call, before all edits; null if not edited.")
    proposed_output = Json(allow_none=True, required=True, description="Of a result, before all edits; null if not edited.")
    proposed_payload = Json(allow_none=True, required=True, description="Of a request, before all edits; null if not edited.")
    action_hash = Text(required=True, description="SHA-256 over the canonical JSON of the payload.", example=_A_HASH)
    editable = ListOf(
        Text(),
        required=True,
        description="JSON pointers to the editable values, including everything below.",
        example=["/arguments/amount"],
    )
    risk = Choice(*models.RISKS, required=True)
    agent = Object(AgentOut, allow_none=True, required=True)
    initiator_id = Id("user", allow_none=True, required=True)
    initiator = Object(InitiatorOut, allow_none=True, required=True)
    replaces = Id("approval", allow_none=True, required=True, description="An approval whose tool has changed since.")
    policy_id = Id("policy", allow_none=True, required=True, description="The policy that assigned it.")
    assignees = ListOf(Object(AssigneeOut), required=True, description="Of the current level.")
    level = Integer(required=True, description="1, plus one per escalation.")
    quorum = Integer(required=True, description="How many of the current level must approve the same action.")
    policy_quorum = Integer(required=True, description="The policy's number; `quorum` is lower where fewer people may decide.")
    votes = ListOf(Object(VoteOut), 1_000, required=True)
    due_at = Instant(required=True, description="When it is escalated.")
    decision = Object(DecisionOut, allow_none=True, required=True)


class ApprovalAsked(ApprovalOut):
    """An approval with the columns that lists filter by."""

    execution_id = Id("exec", load_only=True)
    tool = Text(1, 200, load_only=True)


#: The names of the filters.
FILTERS = (
    "status", "kind", "risk", "execution_id", "tool", "project_id", "initiator_id", "policy_id", "level", "due_at", "created_at",
)  # fmt: skip


class ApproveIn(Schema):
    """A vote for the action."""

    comment = Text(0, 2_000, multiline=True, allow_none=True, load_default=None)
    edits = Json(
        object_only=True,
        allow_none=True,
        load_default=None,
        max_bytes=262_144,
        description="Edited values, by JSON pointer: only where `editable` permits it.",
        example={},
    )
    action_hash = Patterned(*_HASH, allow_none=True, load_default=None, description="The hash of the action that you saw.")


class RejectIn(Schema):
    """A vote against the action."""

    comment = Text(1, 2_000, multiline=True, required=True, example="The amount is wrong.")
    action_hash = Patterned(*_HASH, allow_none=True, load_default=None, description="The hash of the action that you saw.")


class ToIn(Schema):
    """A new assignee."""

    type = Choice(models.USER, models.ROLE, models.TEAM, required=True)
    id = Id(required=True)


class EscalateIn(Schema):
    """The new assignee, and the reason."""

    to = Object(ToIn, allow_none=True, load_default=None, description="null: the next level of escalation.")
    reason = Text(1, 2_000, multiline=True, required=True, example="This is beyond what I may spend.")


class ExampleIn(Schema):
    """The rubric for the example, and the correct answer."""

    rubric_id = Id("rubric", required=True)
    name = Text(1, 120, allow_none=True, load_default=None, description="By default the approval's title.")
    expected = Json(allow_none=True, load_default=None, max_bytes=262_144, description="The correct answer, if known.")


class ExampleOut(RecordOut):
    """The rubric's new example."""

    id = Id("example", required=True)
    engine_id = Id("engine", required=True)
    rubric_id = Id("rubric", required=True)
    name = Text(required=True)
    input = Json(required=True, description="The run's input.")
    expected = Json(allow_none=True, required=True)
    source = Json(object_only=True, required=True)


class AssigneeIn(Schema):
    """Assignees of approvals."""

    type = Choice(
        *models.ASSIGNEE_TYPES,
        models.LADDER,
        required=True,
        description="permission: everyone who may decide at the run's node; ladder: the lowest level of escalation.",
    )
    id = Id(allow_none=True, load_default=None, description="Of the user, role or team; null for the nearest position.")

    rules = (Needs("id", of="type", when=(models.USER, models.ROLE, models.TEAM)),)

    @validates_schema
    def refuse_other_ids(self, data: Mapping[str, Any], **_: Any) -> None:
        """Raise for an id that the type does not have."""
        prefix, given = _PREFIXES.get(data.get("type", "")), data.get("id")
        if given is not None and (prefix is None or not given.startswith(f"{prefix}_")):
            what = f"an id that begins with {prefix}_" if prefix else "null"
            raise ValidationError({"id": [Problem("invalid_format", f"Write {what} for this type.")]})


class PolicyIn(Schema):
    """A policy in a request: what it applies to, and who decides."""

    name = Text(1, 120, required=True, description="Unique in the organization.", example="Refunds")
    position = Integer(
        0, 10_000, load_default=100, description="Priority. If several policies match, the one with the lowest number decides."
    )
    status = Choice(*models.POLICY_STATUSES, load_default=models.ACTIVE, description="disabled: it has no effect.")
    required = Boolean(load_default=True, description="false: it only assigns approvals that are required anyway.")
    kinds = ListOf(Choice(*models.KINDS), len(models.KINDS), unique=True, load_default=list, description="Empty: all.")
    tool = Text(1, 200, allow_none=True, load_default=None, description="The tool's ref, with * and ?; null: any, or none.")
    effects = ListOf(Choice(*EFFECTS), 6, unique=True, load_default=list, description="Of the tool. Empty: all.")
    verdicts = ListOf(Choice(*VERDICTS), 4, unique=True, load_default=list, description="Of the rubrics. Empty: all.")
    condition = Text(
        1, 1024, multiline=True, allow_none=True, load_default=None, description=f"A CEL expression over {', '.join(NAMES)}."
    )
    assignees = ListOf(
        Object(AssigneeIn), 20, min_items=1, unique=True, load_default=lambda: [{"type": models.PERMISSION, "id": None}]
    )
    quorum = Integer(1, 20, load_default=1, description="How many must approve the same action.")
    due_seconds = Integer(60, 31_536_000, load_default=DUE_SECONDS, description="In business hours of the branch, if it has any.")
    own_requests = Boolean(load_default=False, description="Whether people may decide their own requests.")
    editable = ListOf(
        Patterned(*_POINTER),
        50,
        unique=True,
        load_default=list,
        description="JSON pointers to /arguments, /output, /payload, or below.",
    )

    @validates("assignees")
    def _is_one_way(self, value: list[dict[str, Any]], data_key: str) -> None:
        if len(value) > 1 and any(assignee["type"] == models.LADDER for assignee in value):
            raise wrong("invalid_choice", "Use the ladder alone; other approvals are escalated along it too.")

    @validates("condition")
    def _is_expression(self, value: str | None, data_key: str) -> None:
        problem = None if value is None else expressions.flaw(value, NAMES)
        if problem:
            raise wrong("invalid_format", problem)


class PolicyAssigneeOut(Schema):
    """The assignment of a policy."""

    type = Choice(*models.ASSIGNEE_TYPES, models.LADDER, required=True)
    id = Id(allow_none=True, required=True)


class PolicyOut(RecordOut):
    """A policy in a response."""

    expandable = ("assignees",)

    id = Id("policy", required=True)
    name = Text(required=True)
    position = Integer(required=True)
    status = Choice(*models.POLICY_STATUSES, required=True)
    required = Boolean(required=True)
    kinds = ListOf(Text(), required=True, example=["tool_call"])
    tool = Text(allow_none=True, required=True)
    effects = ListOf(Text(), required=True, example=["pay"])
    verdicts = ListOf(Text(), required=True, example=["review"])
    condition = Text(max_length=1024, multiline=True, allow_none=True, required=True)
    assignees = ListOf(Object(PolicyAssigneeOut), required=True)
    quorum = Integer(required=True)
    due_seconds = Integer(required=True)
    own_requests = Boolean(required=True)
    editable = ListOf(Text(), required=True, example=["/arguments/amount"])


class DelegationIn(Schema):
    """A delegation in a request."""

    from_user_id = Id("user", description="The caller by default; another member needs hitl_approvals:manage.")
    to_user_id = Id("user", required=True, description="An active member, who decides for them.")
    expires_at = Instant(required=True, example="2099-01-31T09:00:00Z")
    reason = Text(0, 500, load_default="", example="On holiday.")


class DelegationOut(RecordOut):
    """A delegation in a response."""

    id = Id("delegation", required=True)
    from_user_id = Id("user", required=True)
    to_user_id = Id("user", required=True)
    expires_at = Instant(required=True)
    reason = Text(max_length=500, required=True)
