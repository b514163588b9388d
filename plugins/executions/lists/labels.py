"""Labels: words for finding runs, stored in each run's row and indexed in a table."""

import re
from collections.abc import Mapping
from typing import Any

import peewee

from aasim_core.data.conditions import Condition
from aasim_core.data.fields import IdField
from aasim_core.data.records import Row, insert_rows
from aasim_core.schemas.fields import Json, Patterned, wrong

from ..models import Execution

MOST = 16
_KEY, _LONGEST_VALUE = re.compile(r"[a-z][a-z0-9_.-]{0,39}", re.ASCII), 100
_WHAT = "Words to find the execution by: at most 16, with keys such as customer and values of at most 100 characters."


class LabelRow(Row):
    """The index of labels: a run that has one, which is a key, a colon and the value."""

    organization_id = IdField()
    execution_id = IdField()
    label = peewee.TextField()

    class Meta:
        table_name = "executions_label"
        internal = True
        primary_key = peewee.CompositeKey("organization_id", "execution_id", "label")
        indexes = (
            peewee.Index("executions_label_found", "executions_label", [peewee.SQL("organization_id, label, execution_id")]),
        )


class Labels(Json):
    """The labels of a run, as clients write them."""

    def __init__(self, **options: Any) -> None:
        shape = {"maxProperties": MOST, "additionalProperties": {"type": "string", "minLength": 1, "maxLength": _LONGEST_VALUE}}
        super().__init__(object_only=True, description=_WHAT, example={"customer": "acme"}, metadata=shape, **options)

    def read(self, value: Any) -> Any:
        labels = super().read(value)
        if (fault := fault_in(labels)) is not None:
            raise wrong("invalid_format", fault)
        return labels


#: The parameter by which lists of runs filter for a label.
ASKED = Patterned(
    "[a-z][a-z0-9_.-]{0,39}:.{1,100}", 'a key and its value, such as "customer:acme"', max_length=41 + _LONGEST_VALUE,
    description="Runs that have this label: its key, a colon and its value.", example="customer:acme",
)  # fmt: skip


def fault_in(labels: Mapping[str, Any]) -> str | None:
    """What is wrong with the labels, in a sentence that says what to write instead."""
    if len(labels) > MOST:
        return f"Write at most {MOST} labels."
    for key, value in labels.items():
        if not _KEY.fullmatch(key):
            return f'{key[:60]!r} is no key of a label; write up to 40 of a-z, 0-9, "_", "." and "-", a letter first.'
        if not isinstance(value, str) or not 1 <= len(value) <= _LONGEST_VALUE or not value.isprintable():
            return f"Write 1 to {_LONGEST_VALUE} printable characters for the label {key}."
    return None


def of_new(labels: Mapping[str, str] | None, before: Execution | None) -> dict[str, Any]:
    """The labels of a new run, as values of its row: what it is given, or else those of the run that it comes from.

    ValueError for labels that `fault_in` finds something wrong with.
    """
    if labels and (fault := fault_in(labels)) is not None:
        raise ValueError(fault)
    return {"labels": (before.labels if before and labels is None else labels) or None}


def write(execution: Execution) -> None:
    """Enter the run's labels into the index, in the running transaction."""
    if labels := execution.labels:
        known = {"organization_id": execution.organization_id, "execution_id": execution.id}
        insert_rows(LabelRow, [{**known, "label": f"{key}:{value}"} for key, value in labels.items()])


def has(label: str) -> Condition:
    """The condition that a run has the label."""
    return Condition(_has, True, label=label)


def _has(label: Any) -> Any:
    return Execution.id.in_(LabelRow.select(LabelRow.execution_id).where(LabelRow.label == label))
