"""The hooks of the plugin workflows for node types and import formats."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from inspect import unwrap
from typing import TYPE_CHECKING, Any, ClassVar

import pluggy

from aasim_core import PartShape, Refused

from ..executions.hookspecs import (
    Decision,
    Effect,
    Question,
    ToolChanged,
    ToolError,
    ToolFailed,
    ToolLater,
    ToolUse,
    principal_of,
)
from .shell.data import Data
from .shell.failures import NodeFailed
from .shell.type_rules import refuse_flawed

if TYPE_CHECKING:
    from aasim_core.access.rights import Rights
    from aasim_core.app import App
    from aasim_core.tenancy.principal import Principal

    from ..executions.models import Execution
    from ..executions.service import BoundTool, Settled, Wait

__all__ = [
    "CannotImport",
    "Data",
    "Imported",
    "Mapped",
    "Named",
    "NodeFailed",
    "NodeType",
    "NodeUse",
    "Result",
    "Used",
    "WorkflowImporter",
    "node_types",
    "placeholder",
    "workflow_importers",
]

hookspec = pluggy.HookspecMarker("aasim")


@dataclass(frozen=True)
class Result:
    """How a node ended: its output, a JSON value, and its outcome, which selects the edges to follow.

    `also`, of a computing node, is called in the transaction that records its end: its writes happen exactly once, if and only if the node
    ended this way. It may be called again when the transaction is retried.
    """

    foreseen: ClassVar = ()

    output: Any = None
    outcome: str = "done"
    also: Callable[[], object] | None = None


@dataclass(frozen=True)
class NodeUse:
    """One node of a run about to begin: its `type`, its `path`, its `config` and `given` input with all expressions evaluated.

    `key` is the idempotency key of its effect, the same on each `attempt` in the run, from 1. `named` are the values that its
    `NodeType.filters` can use besides the event.
    """

    app: App
    execution: Execution
    type: str
    path: str
    config: Mapping[str, Any]
    given: Any
    label: str
    key: str
    named: Mapping[str, Any] = field(default_factory=dict)
    attempt: int = 1

    @property
    def principal(self) -> Principal:
        """The run's starter, or the API key that started it, with current rights; ToolError if they may no longer act."""
        return principal_of(self.execution.initiator_id, self.execution.api_key_id)


@dataclass(frozen=True)
class Used:
    """An object that a node uses, named in the field `field` of its config: `allowed` and `contract` are as in `Tool`.

    Nothing is filled in in the field: the author is asked about the object that all runs use.

    An author who may not use it gets the sentence `refusal` with its `code`; others get the `flaws`: why it cannot be used this way, as
    (field, code, what to write instead).
    """

    field: str
    refusal: str
    code: str = "invalid_reference"
    allowed: Callable[[Rights, str], bool] = lambda rights, user_id: True
    contract: str = ""
    flaws: Sequence[tuple[str, str, str]] = ()


def _only_done(_: Mapping[str, Any]) -> Sequence[str]:
    return ("done",)


@dataclass(frozen=True)
class NodeType:
    """A type of node, which does one of the following:

    - `compute(config, data)` computes its result from the data of the run: it has no effect besides `Result.also`, and is deterministic. It
      evaluates the config's expressions itself.
    - `call(use)` has an external effect and returns the output, as tools do, see `ToolSource.call`: it is recorded before and after, and
      never repeated unknowingly. `effect(config)` and `is_idempotent(config)` describe the effects of a repeated call; `use.arguments` is
      the config. `bind(app, config)` instead resolves an existing tool.
    - `child(use)` starts a run, whose output is the node's.
    - `wait(use)` returns what the run waits for; `came(settled)` converts what arrived to the result.
    - `ask(use, question_id)` returns the question for people; `decided(decision)` converts their decision to the result.
    - a `loop` runs its body.

    `uses(app, config)`, for nodes that call or wait, returns the object that needs permission, or None: it is checked for the author when
    the node is written, and for the starter of the run each time before the node begins.

    A node that calls or starts a run can also undo another node's effect; so can a computing one with an effect through `Result.also`: it
    `writes`.

    `config` is the JSON Schema of the node's config, an object; values with expressions are validated after evaluation. Values of
    the names in `expressions` are expressions as a whole, without braces; a name in a list is written ``cases[].when``. Those of the names
    in `constants` contain no expressions: they are validated once for all runs, such as the objects that the node uses.
    Expressions of those in `through_lists` may iterate over lists: the type must evaluate them itself, with ``loops=True``. Those in
    `filters` can use an ``event``, and are evaluated only when one has arrived. `flaws(config)` returns further errors of a config that
    meets the schema, as (location in the config, what to write instead).

    `outcomes(config)` are the node's outcomes besides ``error``, of a type that computes, waits or asks: any other ends as ``done``
    (else ValueError, as for a function that takes other arguments). `references(config)` are the objects ``(type, id, version)``
    that the node starts, see `startables` of executions. A type with `bind` has ``ref``, ``arguments`` and ``approval`` in its config.
    """

    foreseen: ClassVar = (NodeFailed, ToolError, ToolLater, ToolChanged, Refused)
    failed: ClassVar = ToolFailed
    unhurried: ClassVar = ("call",)
    shown: ClassVar = PartShape(summary="about", schemas=("config",), facts=("is_call", "is_loop", "can_undo"))

    type: str
    about: str
    config: Mapping[str, Any]
    compute: Callable[[Mapping[str, Any], Data], Result] | None = None
    call: Callable[[ToolUse], Any] | None = None
    bind: Callable[[App, Mapping[str, Any]], BoundTool] | None = None
    child: Callable[[NodeUse], Execution] | None = None
    wait: Callable[[NodeUse], Wait] | None = None
    came: Callable[[Settled], Result] | None = None
    ask: Callable[[NodeUse, str], Question] | None = None
    decided: Callable[[Decision], Result] | None = None
    is_loop: bool = False
    writes: bool = False
    effect: Callable[[Mapping[str, Any]], Effect] = lambda config: "write"
    is_idempotent: Callable[[Mapping[str, Any]], bool] = lambda config: False
    uses: Callable[[App, Mapping[str, Any]], Used | None] = lambda app, config: None
    expressions: Sequence[str] = ()
    constants: Sequence[str] = ()
    through_lists: Sequence[str] = ()
    filters: Sequence[str] = ()
    flaws: Callable[[Mapping[str, Any]], Iterable[tuple[str, str]]] = lambda config: ()
    outcomes: Callable[[Mapping[str, Any]], Sequence[str]] = _only_done
    references: Callable[[Mapping[str, Any]], Sequence[tuple[str, str, int | None]]] = lambda config: ()

    def __post_init__(self) -> None:
        refuse_flawed(vars(self), has_outcomes=unwrap(self.outcomes) is not _only_done)

    @property
    def is_call(self) -> bool:
        """Whether it has external effects itself."""
        return self.call is not None or self.bind is not None

    @property
    def has_effect(self) -> bool:
        """Whether it has external effects, itself or in a run that it starts."""
        return self.is_call or self.child is not None

    @property
    def can_undo(self) -> bool:
        """Whether it can undo another node's effect."""
        return self.has_effect or self.writes


class CannotImport(Exception):
    """A document is not of the format: `message` tells people what is expected, `place` is the location, such as ``do[0].set``."""

    def __init__(self, message: str, place: str = "") -> None:
        super().__init__(message)
        self.message, self.place = message, place


@dataclass(frozen=True)
class Mapped:
    """The result for one part of a document, such as a task: `path` is its location.

    `node` is the id of the node made from it, None if there is none. `reasons` are sentences about what could not be imported, and why;
    with `is_left_out`, the whole part.
    """

    path: str
    node: str | None
    reasons: Sequence[str] = ()
    is_left_out: bool = False


def placeholder(node_id: str, name: str = "") -> dict[str, Any]:
    """The placeholder node for a part that was left out: its type does not exist, so that no workflow can be activated before it is
    replaced."""
    return {"id": node_id, "type": "not_imported", **({"name": name[:120]} if name else {})}


@dataclass(frozen=True)
class Named:
    """A reference in a document to something outside it, such as an agent: its `ref` there, its `type`, and the `paths` that use it."""

    ref: str
    type: str
    paths: Sequence[str]


@dataclass(frozen=True)
class Imported:
    """A workflow that a document describes: its `definition`, which may have faults, and the result for each part of the document.

    `named` are all references that clients may map, including those already mapped.
    """

    name: str
    definition: Mapping[str, Any]
    parts: Sequence[Mapped]
    named: Sequence[Named] = ()
    description: str = ""
    tags: Sequence[str] = ()


@dataclass(frozen=True)
class WorkflowImporter:
    """A `format` of documents from which workflows can be imported.

    `read(document, mapping)` reads a document, a JSON object of at most 1 MiB and 31 levels. `mapping` gives the local counterparts of the
    document's references, by `Named.ref`. It has no side effects, and nothing in the document is executed or fetched: elements without a
    counterpart are reported in `Imported.parts`. Raises CannotImport for a document of another format. The result is validated like a
    client's definition.
    """

    foreseen: ClassVar = (CannotImport, Refused)
    shown: ClassVar = PartShape(summary="about")

    format: str
    about: str
    read: Callable[[Mapping[str, Any], Mapping[str, str]], Imported]


@hookspec
def workflow_importers(app: App) -> Sequence[WorkflowImporter]:
    """Return the formats from which the plugin imports workflows."""
    raise AssertionError("a hook specification is never called")


@hookspec
def node_types(app: App) -> Sequence[NodeType]:
    """Return the plugin's types of workflow nodes."""
    raise AssertionError("a hook specification is never called")
