"""Rules for records: ownership of their rows, their ids and labels."""

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from ..ids import PREFIX
from ..plugins.declarations import Declarations, table_of
from ..plugins.failures import did_you_mean, place_of

if TYPE_CHECKING:
    from ..data.records import Row


def record_flaws(owner: str, own: Declarations) -> Iterator[str]:
    """Return what is wrong with the records of the plugin `owner`."""
    for model in own.models:
        for flaw in (*_shared(model), *_wrong_prefix(owner, own, model), *_no_label(model)):
            yield f"{flaw}{place_of(model)}"


def own_prefix(plugin: str) -> str:
    """Return the required id prefix of an external plugin: its name, in the letters of a TypeID."""
    return re.sub("_+", "_", re.sub("[^a-z_]", "", plugin)).strip("_")


def _shared(model: "type[Row]") -> Iterator[str]:
    """A record without an organization is visible to every organization; that must be intended."""
    if not has_organization(model) and not is_common(model) and not getattr(model._meta, "internal", False):
        yield (
            f"declares the table {table_of(model)}, whose rows belong to no organization and are seen by all; derive {model.__name__} "
            "from TenantRecord, or write common = True in its Meta"
        )


def _wrong_prefix(owner: str, own: Declarations, model: "type[Row]") -> Iterator[str]:
    """Two independent authors must not choose the same prefix."""
    from ..data.records import Record

    prefix, mine = getattr(model._meta, "id_prefix", None), own_prefix(owner)
    if prefix is None:
        if issubclass(model, Record):
            advice = f'write id_prefix = "{own_prefix(table_of(model))}" in its Meta'
            yield f"declares the table {table_of(model)} without a prefix of its ids; {advice}"
    elif not re.fullmatch(PREFIX, prefix):
        yield f"declares the prefix of ids {prefix}; a prefix has 2 to 63 lower-case letters, and underscores between them"
    elif not own.bundled and prefix != mine and not prefix.startswith(f"{mine}_"):
        yield f'declares the prefix of ids {prefix}; begin it with the plugin\'s name: id_prefix = "{mine}_{prefix}"'


def _no_label(model: "type[Row]") -> Iterator[str]:
    label = getattr(model._meta, "label", None)
    if label is not None and label not in model._meta.fields:
        advice = did_you_mean(label, model._meta.fields)
        yield f"declares the table {table_of(model)} with the label {label}, which is no field of {model.__name__}{advice}"


def has_organization(model: "type[Row]") -> bool:
    """Return whether the rows belong to organizations."""
    return "organization_id" in model._meta.columns


def is_common(model: "type[Row]") -> bool:
    """Return whether the rows are intended to be visible to all organizations."""
    return bool(getattr(model._meta, "common", False))
