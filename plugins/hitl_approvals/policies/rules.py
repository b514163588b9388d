"""Policies: which actions require approval, and who decides."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from aasim_core.data.compiled import compiled
from aasim_core.user_code import expressions

from ..escalation.next_assignees import Put
from ..models import ACTIVE, PERMISSION, Policy

#: What conditions can name.
NAMES = ("kind", "tool", "effect", "risk", "verdict", "arguments", "output", "payload", "execution")
#: The default time for a decision: 72 hours.
DUE_SECONDS = 72 * 3600


@dataclass(frozen=True)
class Facts:
    """What policies look at: the kind of the question, the tool and its effect, a rubric's verdict; `context` is for conditions.

    The context has a value for each of `NAMES`.
    """

    kind: str
    tool: str | None = None
    effect: str | None = None
    verdict: str | None = None
    context: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class PolicyDecision:
    """How a question is decided; by itself, as it is where no policy matches."""

    assignees: Sequence[Put] = ({"type": PERMISSION, "id": None},)
    quorum: int = 1
    due_seconds: int = DUE_SECONDS
    own_requests: bool = False
    editable: Sequence[str] = ()
    policy_id: str | None = None


def is_required(facts: Facts) -> bool:
    """Return whether a policy requires approval."""
    return any(policy.required for policy in _matching(facts))


def decide_by_policy(facts: Facts) -> PolicyDecision:
    """How the question is decided: as the first policy says that matches."""
    policy = next(_matching(facts), None)
    if policy is None:
        return PolicyDecision()
    return PolicyDecision(
        policy.assignees, policy.quorum, policy.due_seconds, policy.own_requests, policy.editable, policy_id=policy.id
    )  # fmt: skip


def _matching(facts: Facts) -> Iterator[Policy]:
    return (policy for policy in _active.records() if matches(policy, facts))


@compiled(Policy)
def _active() -> Any:
    return Policy.select().where(Policy.status == ACTIVE).order_by(Policy.position, Policy.id)


def matches(policy: Policy, facts: Facts) -> bool:
    """Whether the policy is about such a question.

    A condition that has no value for it, or one that is neither true nor false, counts as met: people then decide.
    """
    listed = ((policy.kinds, facts.kind), (policy.effects, facts.effect), (policy.verdicts, facts.verdict))
    if any(wanted and found not in wanted for wanted, found in listed):
        return False
    if policy.tool is not None and not (facts.tool is not None and fnmatchcase(facts.tool, policy.tool)):
        return False
    return policy.condition is None or _is_met(policy.condition, facts.context)


def _is_met(condition: str, context: Mapping[str, Any]) -> bool:
    try:
        return expressions.evaluate(condition, context) is not False
    except ValueError:
        return True
