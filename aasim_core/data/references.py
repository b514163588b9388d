"""References between records: those that block a deletion, and those that a successor takes over.

A record declares them in its ``Meta``: ``references = {"project_id": "project"}``, the prefix of the ids that the field holds, or several
prefixes: ``{"scope_id": ("branch", "project")}``; a JSON field holds a list of ids. Soft-deleted rows (``deleted_at``) reference nothing. A
record without an endpoint names the object that it represents: ``stands_for = ("user_id", "user")``. A record whose name is not public
declares who may see it: ``known_to``, a function of the class and a user's id that returns a condition.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from ..clock import now
from ..context import current_actor
from ..errors import Invalid, Problem, Refused
from .compiled import numbered
from .conditions import Condition, all_of
from .fields import JsonField
from .records import Row, database_of
from .views import View

#: References listed per kind; a client that needs more reads the lists themselves.
_MOST_SHOWN = 20


def hold(model: type[Row], record_ids: Iterable[str]) -> None:
    """Keep other transactions from referencing or deleting the records of these ids until the running transaction ends.

    A transaction that references one in a row of `model` then checks that it exists.
    """
    for record_id in sorted(set(record_ids)):  # in a fixed order, to prevent deadlocks
        database_of(model).lock(f"references/{record_id}")


def refuse_in_use(models: Iterable[type[Row]], kind: str, record_id: str, more: Iterable[tuple[Any, str]] = ()) -> None:
    """Refused ``in_use``, with the list, while records in the organization in scope reference that one, also in the fields of `more`.

    New references are blocked until the running transaction, which deletes it, ends.
    """
    hold(next(iter(models)), [record_id])
    users = [user for users in uses(models, kind, record_id, more).values() for user in users]
    if users:
        message = f"Something still depends on this {_noun_of(models, kind)}; move or delete that first."
        raise Refused("in_use", message, meta={"used_by": users})


def uses(
    models: Iterable[type[Row]], kind: str, record_id: str, more: Iterable[tuple[Any, str]] = ()
) -> Mapping[str, Sequence[Mapping[str, str]]]:
    """Return the references to the record of that kind and id, as ``{type, id, label, field}``, by ``<type>.<field>``; at most twenty of
    each.

    The label is the id where the record has no name, or the caller may not see it.
    """
    found = {}
    for model, field in dict.fromkeys((*fields_to(models, kind), *more)):
        shown_id, shown_kind = _shown_as(model)
        query = _live(model, model.select(shown_id).where(naming(getattr(model, field), record_id)))
        ids = [row_id for (row_id,) in query.order_by(model.id).limit(_MOST_SHOWN).tuples()]
        if ids:
            labels = _labels(models, shown_kind, ids)
            found[f"{shown_kind}.{field}"] = [
                {"type": shown_kind, "id": row_id, "label": labels.get(row_id, row_id), "field": field} for row_id in ids
            ]
    return found


def kind_of(model: Any) -> str | None:
    """Return the prefix of the public id of the record; None if it has none."""
    kind: str | None = getattr(model._meta, "stands_for", (None, getattr(model._meta, "id_prefix", None)))[1]
    return kind


def _record_of(models: Iterable[type[Row]], kind: str) -> Any:
    """Return the record whose ids have that prefix, or None."""
    return next((model for model in models if getattr(model._meta, "id_prefix", None) == kind), None)


def _noun_of(models: Iterable[type[Row]], kind: str) -> str:
    """Return what people call a record of that kind: the words of its class, since a prefix may be short for them."""
    record = _record_of(models, kind)
    return "object" if record is None else re.sub(r"(?<=[a-z])(?=[A-Z])", " ", record.__name__).lower()


def names(model: Any, ids: Iterable[str], conditions: Sequence[Condition]) -> Mapping[str, str]:
    """Return the column `name` of the rows of these ids that meet the conditions, by id; `ids` is not empty.

    `model` is a record or a view.
    """
    condition = all_of(*conditions, Condition(partial(_is_one_of, model.id), **numbered("id", ids)))
    database = database_of(model)
    values = {**(model.binds() if isinstance(model, View) else {}), **condition.values}
    return dict(database.statement(_names_query, model, condition).run(database, values).fetchall())


def _names_query(model: Any, where: Condition) -> Any:
    return model.select(model.id, model.name).where(where.with_binds())


def _is_one_of(column: Any, **ids: Any) -> Any:
    return column.in_(list(ids.values()))


def _shown_as(model: Any) -> tuple[Any, str]:
    """Return the column of the public id, and its prefix."""
    name, kind = getattr(model._meta, "stands_for", ("id", model._meta.id_prefix))
    return getattr(model, name), kind


def _labels(models: Iterable[type[Row]], kind: str, ids: Sequence[str]) -> Mapping[str, str]:
    """Return the names of the records of that kind that the caller may see."""
    named: Any = next(
        (model for model in models if getattr(model._meta, "id_prefix", None) == kind and hasattr(model, "name")), None
    )
    if named is None:
        return {}
    query = named.select(named.id, named.name).where(named.id.in_(ids))
    known_to = getattr(named._meta, "known_to", None)
    return dict((query if known_to is None else query.where(known_to(named, current_actor().id))).tuples())


def reassign(models: Iterable[type[Row]], kind: str, record_id: str, successor_id: str) -> int:
    """Replace references to one record by references to the other, except in lists; returns the number of rows. Needs a transaction.

    A record that acts with the rights of its owner has a class method `hand_over(owner_id, successor_id)`, which is called instead, unless
    the successor is the one who asks: it stops what would act with the rights of somebody who has not agreed, too.
    """
    changed = 0
    for model, field in fields_to(models, kind):
        column, hand_over = getattr(model, field), getattr(model, "hand_over", None)
        if isinstance(column, JsonField):
            continue
        if hand_over is not None and successor_id != current_actor().id:
            changed += hand_over(record_id, successor_id)
            continue
        stamp = {"version": model.version + 1, "updated_at": now()} if "version" in model._meta.fields else {}
        changed += _live(model, model.update({field: successor_id, **stamp}).where(column == record_id)).execute()
    return changed


def require(models: Iterable[type[Row]], kind: str, ids: Sequence[str], field: str, known: Sequence[str] = ()) -> None:
    """Raise Invalid, on ``<field>[n]``, for ids of that kind that do not exist in the organization in scope; `known` ids are not checked.

    The existing ones cannot be deleted until the running transaction, which references them, ends.
    """
    hold(next(iter(models)), ids)
    model = _record_of(models, kind)
    query = _live(model, model.select(model.id).where(model.id.in_(list(ids)))) if model is not None and ids else ()
    there = {row.id for row in query} | set(known)
    problem = [Problem("invalid_reference", f"There is no such {_noun_of(models, kind)}.")]
    missing = {f"{field}[{number}]": problem for number, record_id in enumerate(ids) if record_id not in there}
    if missing:
        raise Invalid(missing)


def fields_to(models: Iterable[type[Row]], kind: str) -> Iterator[tuple[Any, str]]:
    """Return each record, with the field, that declares references to records of that kind."""
    for model in models:
        for field, prefixes in getattr(model._meta, "references", {}).items():
            if kind == prefixes or (isinstance(prefixes, tuple) and kind in prefixes):
                yield model, field


def naming(column: Any, record_id: str) -> Any:
    """Return the condition that the column, which may hold a list, names the record."""
    # A list is stored as JSON text, with ids in quotes.
    return column.contains(f'"{record_id}"') if isinstance(column, JsonField) else column == record_id


def _live(model: Any, query: Any) -> Any:
    return query.where(model.deleted_at.is_null()) if "deleted_at" in model._meta.fields else query
