"""Nodes that require an approval, and branch by its decision."""

from collections.abc import Iterator, Mapping
from typing import Any

from aasim_core.user_code import json_schema
from aasim_core.user_code.values import has_places

from ...executions.hookspecs import Decision, Question
from ..hookspecs import NodeFailed, NodeType, NodeUse, Result

_ID = {"type": ["string", "null"], "maxLength": 64}
_LADDER = "ladder"
#: Whom it can be put to: those that say nothing without an id, and all.
_NAMED = ("user", "role", "team")
TYPES = (*_NAMED, "department_head", "branch_manager", "owner", "permission", _LADDER)
_ASSIGNEE = {
    "type": "object",
    "properties": {"type": {"enum": list(TYPES)}, "id": _ID},
    "required": ["type"],
    "additionalProperties": False,
    "if": {"properties": {"type": {"enum": list(_NAMED)}}},
    "then": {"required": ["id"], "properties": {"id": {"type": "string", "minLength": 1}}},
}
_CONFIG = {
    "type": "object",
    "properties": {
        "title": {"type": "string", "minLength": 1, "maxLength": 1000},
        "summary": {"type": "string", "maxLength": 10_000},
        "payload": {},
        "schema": {"type": ["object", "boolean"]},
        "editable": {
            "type": "array",
            "maxItems": 50,
            "uniqueItems": True,
            "items": {
                "type": "string",
                "maxLength": 1000,
                "pattern": "^/payload(/([^~/]|~[01])*)*$",
                "description": 'a JSON pointer (RFC 6901) into /payload, such as "/payload/amount"',
            },
        },
        "assignees": {"type": "array", "minItems": 1, "maxItems": 20, "items": _ASSIGNEE},
        "quorum": {"type": "integer", "minimum": 1, "maximum": 20},
        "risk": {"enum": ["low", "medium", "high"]},
        "due_seconds": {"type": "integer", "minimum": 60, "maximum": 31_536_000},
    },
    "required": ["title"],
    "additionalProperties": False,
}


def _question(use: NodeUse, question_id: str) -> Question:
    """Return the question for people; NodeFailed for a payload that does not meet its schema."""
    config, payload = use.config, use.config.get("payload")
    _refuse_misfit(config.get("schema"), payload)
    return Question(
        id=question_id,
        kind="request",
        execution=use.execution,
        step=1,
        path=use.path,
        title=config["title"],
        summary=config.get("summary", ""),
        action={"payload": payload},
        initiator_id=use.execution.initiator_id or "",
        is_asked=True,
        risk=config.get("risk", "medium"),
        schema=config.get("schema"),
        assignees=_assignees(config.get("assignees")),
        quorum=config.get("quorum"),
        due_seconds=config.get("due_seconds"),
        editable=config.get("editable"),
    )


def _flaws(config: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    schema = config.get("schema")
    if schema is not None and not has_places(schema) and (flaw := json_schema.flaw(schema)):
        yield "schema", flaw
    assignees = config.get("assignees") or ()
    if len(assignees) > 1 and any(isinstance(each, Mapping) and each.get("type") == _LADDER for each in assignees):
        yield "assignees", "Write the ladder alone; what others do not decide goes up it, too."


def _refuse_misfit(schema: Any, payload: Any) -> None:
    broken = [] if schema is None else json_schema.violations(schema, payload)
    if broken:
        path, message = broken[0]
        raise NodeFailed("invalid_payload", f"The payload does not meet its schema: {path}: {message}")


def _assignees(written: Any) -> Any:
    return written and [{"id": None, **each} for each in written]


def _decided(decision: Decision) -> Result:
    outcome = "approved" if decision.approved else "expired" if decision.user_id is None else "rejected"
    facts = {"decision": outcome, "comment": decision.comment, "user_id": decision.user_id}
    return Result({**facts, "payload": decision.action["payload"]}, outcome)


APPROVAL = NodeType(
    "approval",
    "Have people decide.",
    _CONFIG,
    ask=_question,
    decided=_decided,
    flaws=_flaws,
    outcomes=lambda config: ("approved", "rejected", "expired"),
)
