"""What the feature workflows offers to other plugins: types of nodes, and formats to import workflows from."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

import pluggy

from aasim_core import PartShape, Refused

from ..executions.hookspecs import Decision, Effect, Question, ToolChanged, ToolError, ToolFailed, ToolLater, ToolUse
from .failures import NodeFailed

if TYPE_CHECKING:
    from aasim_core.access.rights import Rights
    from aasim_core.app import App

    from ..executions.models import Execution
    from ..executions.service import BoundTool, Settled, Wait
    from .shell.data import Data

__all__ = [
    "CannotImport",
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
    """How a node ended: its output, a JSON value, and its outcome, by which edges are taken.

    `also`, of a node that computes, is called in the transaction that records its end: what it writes is there once, exactly if the node
    has ended so. It may be called again where the transaction is tried again.
    """

    foreseen: ClassVar = ()

    output: Any = None
    outcome: str = "done"
    also: Callable[[], object] | None = None


@dataclass(frozen=True)
class NodeUse:
    """One node of a run that is to begin: its `type`, its `path`, its `config` and `given` input with all expressions filled in.

    `key` is the idempotency key of what it does, the same each time that it is tried in the run. `named` are the values that its
    `NodeType.filters` name besides the event.
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


@dataclass(frozen=True)
class Used:
    """Something that a node uses, named in the field `field` of its config: `allowed` and `contract` are as in `Tool`.

    Who writes a node and may not use it is told the sentence `refusal` with its `code`, and others the `flaws`: why it cannot be used
    so, as (field, code, what to write instead).
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
    """A type of nodes, which does one of these things:

    - `compute(config, data)` makes its result of the data of the run at once: it has no effect besides `Result.also`, and is the same each
      time. It fills in the config itself.
    - `call(use)` does something outside and returns the output, as tools do, see `ToolSource.call`: it is recorded before and after, and
      not repeated unawares. `effect(config)` and `is_idempotent(config)` say what a second call may do; `use.arguments` is the config.
      `bind(app, config)` instead finds a tool that is there already.
    - `child(use)` starts a run, whose output is the node's.
    - `wait(use)` is what the run waits for; `came(settled)` makes the result of what came.
    - `ask(use, question_id)` is what people are asked; `decided(decision)` makes the result of what they decided.
    - a `loop` runs its body.

    `uses(app, config)`, of what calls or waits, is what somebody has to be allowed to use for it, or None: it is asked when the node is
    written, of whoever writes it, and each time before it begins, of whoever started the run.

    What calls or starts a run can also undo what another node did, and so can what computes and has an effect all the same, by
    `Result.also`: it `writes`.

    `config` is the JSON Schema of the node's config, an object; what holds an expression is checked when that is filled in. Values of
    the names in `expressions` are expressions as a whole, without braces; a name in a list is written ``cases[].when``. Those of the names
    in `constants` hold no expressions: what nobody fills in, and what is checked once for all runs, such as what the node may use.
    Expressions of those in `through_lists` may go through lists: the type has to evaluate them itself, with ``loops=True``. Those in
    `filters` can name an ``event``, and are left as they are, for whoever evaluates them when one has come.
    `flaws(config)` says, of a config that meets the schema, what is wrong all the same, as (place in the config, what to write instead).

    `outcomes(config)` are those that the node can have besides ``error``. `references(config)` are the objects ``(type, id, version)``
    that the node starts, see `startables` of executions. A type with `bind` has ``ref``, ``arguments`` and ``approval`` in its config.
    """

    foreseen: ClassVar = (NodeFailed, ToolError, ToolLater, ToolChanged, Refused)
    failed: ClassVar = ToolFailed
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

    @property
    def is_call(self) -> bool:
        """Whether it does something outside by itself."""
        return self.call is not None or self.bind is not None

    @property
    def has_effect(self) -> bool:
        """Whether it does something outside, by itself or in a run that it starts."""
        return self.is_call or self.child is not None

    @property
    def can_undo(self) -> bool:
        """Whether it can undo what another node did."""
        return self.has_effect or self.writes


class CannotImport(Exception):
    """A document is not one of the format: `message` says to people what it should be, `place` is where in it, such as ``do[0].set``."""

    def __init__(self, message: str, place: str = "") -> None:
        super().__init__(message)
        self.message, self.place = message, place


@dataclass(frozen=True)
class Mapped:
    """What became of one part of a document, such as a task: `path` is where that stands in it.

    `node` is the id of the node that it became, None where there is none. `reasons` are sentences about what could not be brought, and
    why; with `is_left_out`, that is all of it.
    """

    path: str
    node: str | None
    reasons: Sequence[str] = ()
    is_left_out: bool = False


def placeholder(node_id: str, name: str = "") -> dict[str, Any]:
    """The node for a part that is left out: it has a type that there is not, so that no workflow is active before somebody replaced it."""
    return {"id": node_id, "type": "not_imported", **({"name": name[:120]} if name else {})}


@dataclass(frozen=True)
class Named:
    """What a document names and does not hold, such as an agent: its `ref` there, of which `type`, and the `paths` of what names it."""

    ref: str
    type: str
    paths: Sequence[str]


@dataclass(frozen=True)
class Imported:
    """A workflow that a document describes: its `definition`, which may have faults, and what became of each part of the document.

    `named` is all that clients may write a mapping for, also where one is written already.
    """

    name: str
    definition: Mapping[str, Any]
    parts: Sequence[Mapped]
    named: Sequence[Named] = ()
    description: str = ""
    tags: Sequence[str] = ()


@dataclass(frozen=True)
class WorkflowImporter:
    """A `format` of documents that workflows are made of.

    `read(document, mapping)` reads a document, a JSON object of at most 1 MiB and 31 levels. `mapping` says what stands here for what the
    document names, by `Named.ref`. It has no effect, and nothing that the document holds is run or fetched: what has no counterpart is told
    in `Imported.parts`. Raises CannotImport for a document of another format. What comes of it is looked through as what clients write.
    """

    foreseen: ClassVar = (CannotImport, Refused)
    shown: ClassVar = PartShape(summary="about")

    format: str
    about: str
    read: Callable[[Mapping[str, Any], Mapping[str, str]], Imported]


@hookspec
def workflow_importers(app: App) -> Sequence[WorkflowImporter]:
    """Return the formats that the plugin imports workflows from."""
    raise AssertionError("a hook specification is never called")


@hookspec
def node_types(app: App) -> Sequence[NodeType]:
    """Return the types of nodes that the plugin brings for workflows."""
    raise AssertionError("a hook specification is never called")
