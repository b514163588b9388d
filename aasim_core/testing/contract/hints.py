"""Hints of a plugin's tests on how to call its operations, where the operations table does not say it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from ..world import Client, Person, World

#: A body (of a GET: query parameters), or what makes one for a caller.
Sample = Mapping[str, Any] | Callable[[World, Person], Mapping[str, Any]]
#: Stands in `placed` for the node where something is to be.
NODE = "{node}"


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_mapping(value: Any) -> bool:
    return isinstance(value, Mapping)


def _is_text_or_function(value: Any) -> bool:
    return _is_text(value) or callable(value)


#: For each attribute of a contract that is a mapping by texts: what its values are, and a test of one.
_VALUES: Mapping[str, tuple[str, Callable[[Any], bool]]] = {
    "samples": ("a body, or a function of world and caller", lambda value: _is_mapping(value) or callable(value)),
    "objects": ("the name of an operation, or a function of world and caller", _is_text_or_function),
    "members": ("the name of an operation, or a function of world, caller and ids", _is_text_or_function),
    "traces": ("the name of an operation", _is_text),
    "copies": ("a function of world and caller", callable),
    "grown": ("a function of world, caller and number", callable),
    "fixed": ("the reason", _is_text),
    "rows": ("the name of an operation, or a function of world, caller and ids", _is_text_or_function),
    "before": ("a function of client and path", callable),
    "placed": ("a part of a body", _is_mapping),
    "everywhere": ("the reason", _is_text),
    "statements": ("a number", lambda value: isinstance(value, int)),
    "unasked": ("the reason", _is_text),
    "silent": ("the reason", _is_text),
}


def refuse_wrong_types(contract: type[Any]) -> None:
    """Raise TypeError for an attribute of the contract that would be accepted and do nothing, since it is of another type."""
    for name, (wanted, fits) in _VALUES.items():
        value = getattr(contract, name)
        if not isinstance(value, Mapping) or not all(isinstance(key, str) and fits(each) for key, each in value.items()):
            wrong = (
                next((f"[{key!r}]" for key, each in value.items() if not fits(each)), "") if isinstance(value, Mapping) else ""
            )
            raise TypeError(f"{contract.__name__}.{name}{wrong} has a wrong type; write {name} = {{…: …}}, each value {wanted}")


@dataclass(frozen=True)
class Hints:
    """What the operations table does not say about how a plugin's operations are tried.

    Operations are named ``"POST /agents/{agent_id}/clone"``.

    * `samples`: the body of an operation, where the schema's own example does not do; or a function of world and caller.
    * `objects`: for a path field that is not made by a POST to the path before it: the operation that makes it, or a function of
      world and caller that gives its value.
    * `members`: for a path field whose value depends on the objects before it: the operation that makes it, or what makes it, of world,
      caller and their ids; keyed by the path up to the field.
    * `traces`: for a path field that is the id of an event: the operation that the event tells of.
    * `copies`: for rows of which no two can be alike but for their ids: what differs in a copy, of world and caller; keyed by the
      prefix of their ids.
    * `grown`: for rows that a copy of them does not bring into the list: what creates a number of them, of world, caller and number;
      keyed by the prefix of their ids.
    * `fixed`: lists whose rows are in no table, each with the reason; they have some dozens of them.
    * `rows`: for a list that a new object's path leaves empty: the operation that adds a row, or what adds it, of world, caller and
      the ids of the path.
    * `before`: what brings the object at a path into the state that the operation needs; called with the caller's client and
      the path.
    * `placed`: for a POST that places what it makes in the organization's tree: what hides it from everybody elsewhere in the tree;
      `NODE` stands for the place, where the resource has no `node_field`.
    * `everywhere`: operations on what belongs to the whole organization that holders of their permission at any node may do, each with
      the reason.
    """

    samples: Mapping[str, Sample] = field(default_factory=dict)
    objects: Mapping[str, str | Callable[[World, Person], str]] = field(default_factory=dict)
    members: Mapping[str, str | Callable[[World, Person, Mapping[str, str]], str]] = field(default_factory=dict)
    traces: Mapping[str, str] = field(default_factory=dict)
    copies: Mapping[str, Callable[[World, Person], Mapping[str, Any]]] = field(default_factory=dict)
    grown: Mapping[str, Callable[[World, Person, int], object]] = field(default_factory=dict)
    fixed: Mapping[str, str] = field(default_factory=dict)
    rows: Mapping[str, str | Callable[[World, Person, Mapping[str, str]], object]] = field(default_factory=dict)
    before: Mapping[str, Callable[[Client, str], object]] = field(default_factory=dict)
    placed: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    everywhere: Mapping[str, str] = field(default_factory=dict)

    def with_those_of(self, other: "Hints") -> "Hints":
        """Both together."""
        return Hints(**{one.name: {**getattr(self, one.name), **getattr(other, one.name)} for one in fields(self)})
