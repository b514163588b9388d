"""Reviewers: plugins that present a run's questions to people, and return their decisions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

if TYPE_CHECKING:
    from ..models import Execution


@dataclass(frozen=True)
class Question:
    """What people must decide before a run continues.

    `kind`: ``tool_call``, may this be done; ``unknown_outcome``, did this happen before the crash; ``result``, may this count as the
    result; ``request``, any question of the run. `action` is the JSON value that is decided on: the ref, the digest and the arguments of a
    tool, the output, or the payload. `id` is set when the question is opened, and identifies it from then on. `path` is that of the step or
    the node that asks, `initiator_id` the user who started the run. `is_asked` says that the agent, the tool's effect or the rubric asks
    for it already. `schema` is the JSON Schema that the arguments, the output or the payload must meet as they are edited; None is any.
    `replaces` is the id of an approved question whose tool has changed since, and `reason` says so.

    What the question does not say itself is for the reviewer to say: its assignees, ``{"type", "id"}`` of each, how many of them must
    approve, how long each of them has, and which parts of the action they may edit, as JSON pointers.
    """

    id: str
    kind: Literal["tool_call", "unknown_outcome", "result", "request"]
    execution: Execution
    step: int
    title: str
    summary: str
    action: Mapping[str, Any]
    initiator_id: str
    is_asked: bool
    risk: Literal["low", "medium", "high"] = "medium"
    effect: str | None = None
    verdict: str | None = None
    schema: Any = None
    replaces: str | None = None
    reason: str = ""
    assignees: Sequence[Mapping[str, str | None]] | None = None
    quorum: int | None = None
    due_seconds: int | None = None
    editable: Sequence[str] | None = None
    path: str | None = None


@dataclass(frozen=True)
class Decision:
    """People's decision: `action` is the approved action, with their edits, and exactly this is done.

    `user_id` is None where nobody decided in time.
    """

    approved: bool
    action: Mapping[str, Any]
    comment: str
    user_id: str | None


@dataclass(frozen=True)
class Reviewer:
    """Puts questions to people; an installation has one plugin that does.

    `asks` returns whether the organization requires approval although nothing else does. `open` opens the question, in the running
    transaction; opening it again changes nothing. `decision` is None while the question is open, or was never opened.
    """

    foreseen: ClassVar = ()

    name: str
    asks: Callable[[Question], bool]
    open: Callable[[Question], object]
    decision: Callable[[str], Decision | None]
