"""Import catch clauses: which errors of nodes they catch, and how they are presented."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..nodes.http import ANSWERED
from .building import Cursor, Link, Report, Scope, State, output_of, transform, whole
from .terms import NotTranslated, literal

_SPECIFIED = "https://serverlessworkflow.io/spec/1.0.0/errors/"
#: The codes of our nodes for the types of errors that the specification has, by the last word of these.
_CODES: Mapping[str, Sequence[str]] = {
    "communication": ("http_4xx", "http_429", "http_5xx", "unexpected_status", "connection_failed"),
    "authentication": ("http_4xx",),
    "authorization": ("http_4xx",),
    "timeout": ("timeout",),
    "expression": ("expression_failed",),
}
_STATUSES = {"authentication": 401, "authorization": 403}
#: The status of an error without one.
_OF_CODES = {"http_4xx": 400, "http_429": 429, "timeout": 408}
_OTHERS = 500


@dataclass(frozen=True)
class Filter:
    """Which errors are caught: of one type, with one status, or of any."""

    type: str | None = None
    status: int | None = None

    @property
    def kind(self) -> str:
        """The last word of the type."""
        return (self.type or "").rstrip("/").rpartition("/")[2]

    @property
    def codes(self) -> Sequence[str]:
        """The codes of our nodes that can be meant; empty for all."""
        return _CODES.get(self.kind, ()) if self.type else ()

    def condition(self, node_id: str) -> str:
        """Whether it is the error of a node, as an expression; empty for any error."""
        error, status = f"nodes.{node_id}.error", self.status or _STATUSES.get(self.kind)
        codes = ", ".join(f'"{code}"' for code in self.codes)
        parts = [f"{error}.code in [{codes}]"] if codes else []
        if status is not None and self.kind != "timeout":
            parts.append(f'{error}.message.startsWith("{ANSWERED} {status}")')
        return " && ".join(parts)

    def takes(self, error: Mapping[str, Any]) -> bool:
        """Whether it is an error that a task raises."""
        kind = str(error.get("type", "")).rstrip("/").rpartition("/")[2]
        return (not self.type or self.kind == kind) and self.status in (None, error.get("status"))


def filter_of(catch: Mapping[str, Any]) -> Filter:
    """The filter of a catch as it is written."""
    if others := [name for name in ("when", "exceptWhen") if name in catch]:
        raise NotTranslated(f"catch.{others[0]} has no counterpart; errors are chosen by type and status.")
    errors = catch.get("errors", {})
    written = errors.get("with", {}) if isinstance(errors, Mapping) else None
    if not isinstance(written, Mapping) or not written.keys() <= {"type", "status"}:
        raise NotTranslated("Errors are chosen by type and status only.")
    found = Filter(written.get("type"), written.get("status"))
    if not isinstance(found.type, str | None) or type(found.status) not in (int, type(None)):
        raise NotTranslated("The type of an error is a text, and its status a number.")
    if found.type and not found.codes:
        raise NotTranslated(f"Errors of the type {found.type[:200]} do not come about here.")
    return found


@dataclass(frozen=True)
class Handler:
    """A catch around tasks: what it takes, how often these are tried again, and the cursors at which it has something to handle.

    The value at such a cursor is the error.
    """

    filter: Filter
    retry: Mapping[str, Any] | None
    arrivals: list[Cursor] = field(default_factory=list)


def can_fail(scope: Scope, report: Report, handlers: Sequence[Handler], node: dict[str, Any], at: str, state: State) -> None:
    """Lead the errors of a node to the catches around it that take them, the innermost first."""
    if handlers and handlers[-1].retry:
        node["retry"] = {**handlers[-1].retry, **({"on": list(handlers[-1].filter.codes)} if handlers[-1].filter.codes else {})}
    before: list[str] = []
    for handler in reversed(handlers):
        condition = handler.filter.condition(node["id"])
        chosen = " && ".join([*(f"!({each})" for each in before), *([condition] if condition else [])])
        caught = report.new_id(node["id"], "_error")
        cursor = transform(scope, Cursor((Link(node["id"], "error"),), state), caught, _error(node["id"], handler.filter, at))
        if chosen:
            scope.edges[-1]["condition"] = chosen
        handler.arrivals.append(cursor)
        if not condition:
            return
        before.append(condition)


def _error(node_id: str, chosen: Filter, at: str) -> dict[str, Any]:
    """The error of a node, as the specification has errors."""
    error = f"nodes.{node_id}.error"
    is_timeout = f'{error}.code == "timeout" ? "{_SPECIFIED}timeout" : "{_SPECIFIED}communication"'
    statuses = " : ".join(f'{error}.code == "{code}" ? {status}' for code, status in _OF_CODES.items())
    return {
        "type": chosen.type or whole(is_timeout),
        "status": chosen.status or whole(f"{statuses} : {_OTHERS}"),
        "title": whole(f"{error}.code"),
        "detail": whole(f"{error}.message"),
        "instance": whole(literal(at).text),
    }


def fail(
    scope: Scope, report: Report, handlers: Sequence[Handler], after: Cursor, error: Mapping[str, Any], *, is_body: bool
) -> None:
    """Lead on from a node that gives an error which a task raises, to the catch around it that takes it, or to the end of the run."""
    [link] = after.links
    if handler := next((each for each in reversed(handlers) if each.filter.takes(error)), None):
        handler.arrivals.append(Cursor(after.links, State(output_of(link.source), after.state.context)))
        return
    if is_body:
        raise NotTranslated("Within a loop nothing can be raised that is not caught there.")
    node_id = report.new_id(link.source, "_end")
    title = error.get("title")
    told = f"{title[:200] if isinstance(title, str) and '{{' not in title else 'Error'}: {{{{ nodes.{link.source}.output }}}}"
    scope.nodes.append({"id": node_id, "type": "end", "config": {"status": "failed", "error": told}})
    scope.edges.append({"from": link.source, "to": node_id})
