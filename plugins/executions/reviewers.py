"""Whoever puts the questions of runs to people: what is asked, and what was decided."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

if TYPE_CHECKING:
    from .models import Execution


@dataclass(frozen=True)
class Question:
    """What people are to decide before a run goes on.

    `kind`: ``tool_call``, may this be done; ``unknown_outcome``, did this happen before the crash; ``result``, may this count as the
    result; ``request``, whatever the run puts to people. `action` is the JSON value that is decided on: the ref, the digest and the
    arguments of a tool, the output, or the payload. `id` is given by whoever opens the question, and names it from then on.
    `path` is that of the step or the node that asks, `initiator_id` the user who started the run. `is_asked` says that the agent, the
    tool's effect or the rubric asks for it already. `schema` is the JSON Schema that the arguments, the output or the payload must meet
    as they are edited; None is any. `replaces` is the id of an approved question whose tool has changed since, and `reason` says so.

    What the question does not say itself is for the reviewer to say: to whom it is put, ``{"type", "id"}`` of each, how many of them must
    approve, how long each whom it is put to has, and which parts of the action they may edit, as JSON pointers.
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
    """What people decided: `action` is what they approved, with their edits, and exactly what is done then.

    `user_id` is None where nobody did so in time.
    """

    approved: bool
    action: Mapping[str, Any]
    comment: str
    user_id: str | None


@dataclass(frozen=True)
class Reviewer:
    """Whoever puts questions to people; one plugin of an installation is it.

    `asks` says whether the organization wants the question to be put although nothing else asks for it. `open` puts it, in the running
    transaction; putting it again changes nothing. `decision` is None as long as the question is open, or was never put.
    """

    foreseen: ClassVar = ()

    name: str
    asks: Callable[[Question], bool]
    open: Callable[[Question], object]
    decision: Callable[[str], Decision | None]
