"""Which records name another one: what stands in the way of deleting it, and what its successor takes over.

A record says so in its ``Meta``: ``references = {"project_id": "project"}``, the prefix of the ids that the field holds, or the prefixes
of all that it may hold: ``{"scope_id": ("branch", "project")}``; a JSON field holds a list of them. Rows that are deleted softly
(``deleted_at``) name nobody any more.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from ..clock import now
from ..errors import Invalid, Problem, Refused
from .fields import JsonField
from .records import Row

#: How many are listed of each kind; a client that has to clear up more asks the lists themselves.
_MOST_SHOWN = 20


def refuse_in_use(models: Iterable[type[Row]], kind: str, record_id: str) -> None:
    """Refused ``in_use``, with the list, while records in the organization in scope name the one of that kind and id."""
    users = [user for users in uses(models, kind, record_id).values() for user in users]
    if users:
        message = f"Something still depends on this {kind}; move or delete that first."
        raise Refused("in_use", message, meta={"used_by": users})


def uses(models: Iterable[type[Row]], kind: str, record_id: str) -> Mapping[str, Sequence[Mapping[str, str]]]:
    """What names the record of that kind and id, as ``{type, id, label, field}``, by ``<type>.<field>``; at most twenty of each."""
    found = {}
    for model, field in _fields_to(models, kind):
        label = getattr(model, "name", model.id)
        rows = _live(model, model.select(model.id, label).where(_names(getattr(model, field), record_id))).order_by(model.id)
        prefix = model._meta.id_prefix
        shown = [
            {"type": prefix, "id": row_id, "label": text, "field": field} for row_id, text in rows.limit(_MOST_SHOWN).tuples()
        ]
        if shown:
            found[f"{prefix}.{field}"] = shown
    return found


def reassign(models: Iterable[type[Row]], kind: str, record_id: str, successor_id: str) -> int:
    """Make everything that names the one record, but for lists, name the other; returns how many rows. Needs a transaction."""
    changed = 0
    for model, field in _fields_to(models, kind):
        column = getattr(model, field)
        if isinstance(column, JsonField):
            continue
        values = {field: successor_id} | (
            {"version": model.version + 1, "updated_at": now()} if "version" in model._meta.fields else {}
        )
        changed += _live(model, model.update(values).where(column == record_id)).execute()
    return changed


def require(models: Iterable[type[Row]], kind: str, ids: Sequence[str], field: str, known: Sequence[str] = ()) -> None:
    """Invalid, on ``<field>[n]``, for ids of that kind that no record in the organization in scope has; the `known` ones pass."""
    model: Any = next((model for model in models if getattr(model._meta, "id_prefix", None) == kind), None)
    query = _live(model, model.select(model.id).where(model.id.in_(list(ids)))) if model is not None and ids else ()
    there = {row.id for row in query} | set(known)
    problem = [Problem("invalid_reference", f"There is no such {kind}.")]
    missing = {f"{field}[{number}]": problem for number, record_id in enumerate(ids) if record_id not in there}
    if missing:
        raise Invalid(missing)


def _fields_to(models: Iterable[type[Row]], kind: str) -> Iterator[tuple[Any, str]]:
    for model in models:
        for field, prefixes in getattr(model._meta, "references", {}).items():
            if kind == prefixes or (isinstance(prefixes, tuple) and kind in prefixes):
                yield model, field


def _names(column: Any, record_id: str) -> Any:
    # A list is kept as JSON text, in which an id stands in quotes.
    return column.contains(f'"{record_id}"') if isinstance(column, JsonField) else column == record_id


def _live(model: Any, query: Any) -> Any:
    return query.where(model.deleted_at.is_null()) if "deleted_at" in model._meta.fields else query
