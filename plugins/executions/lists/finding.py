"""Filters and sorts of lists of runs, in the terms of the partial indexes that serve them."""

import itertools
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from aasim_core.data.conditions import Condition
from aasim_core.lists.paging import Filter
from aasim_core.lists.query import ListQuery
from aasim_core.schemas.fields import Word

from .. import states
from ..models import GOING, NOT_BY_API, RETRIED, SHOWN, WITH_ERROR, WITH_FINGERPRINT, Execution
from ..schemas import ExecutionOut
from . import labels
from .open_approvals import in_tree_of, waits_for

_FILTERS = (
    "kind", "agent_id", "agent_version", "workflow_id", "status", "waiting_for", "parent_id", "root_id", "retry_of", "project_id",
    "initiator_id", "metadata", "created_at", "started_at", "finished_at",
)  # fmt: skip
_COLUMNS = {
    "trigger_type": Word(1, 64, description="The type of the trigger, such as api or retry."),
    "error_fingerprint": Word(16, 16, description="The kind of failure, as in analytics.", example="9f86d081884c7d65"),
    "error_code": Word(1, 64, description="The code of the error, such as budget_exceeded; cancelled of what was cancelled."),
}
#: Filters without an index, and those that find few enough runs to scan.
_TIMED = (
    "kind", "agent_version", "metadata", "started_at", "finished_at",
    *(f"{type_}_id[{operator}]" for type_ in (*SHOWN, "root") for operator in ("ne", "is_null")),
)  # fmt: skip
_UNLESS = ("agent_id", "workflow_id", "parent_id", "root_id", "retry_of", "finished_at[is_null]", "label", "error_fingerprint")


class _Query(ListQuery):
    """Lists of runs: filters on the agent or the workflow become filters on the subject; `implied` has those of `_IMPLIED`."""

    def filters_in(self, values: Mapping[str, Any]) -> list[Filter]:
        """The filters among the values."""
        return [each for asked in super().filters_in(values) for each in _of_columns(asked)]


#: Filters on what no column holds as it is, or that need more than a comparison.
_IMPLIED = {("waiting_for", "eq"), ("waiting_for", "ne"), ("waiting_for", "in"), ("root_id", "eq")}


def _of_columns(asked: Filter) -> Iterator[Filter]:
    type_, _, what = asked.name.partition("_")
    if (asked.name, asked.operator) in _IMPLIED:
        return
    if type_ not in SHOWN:
        yield asked
    elif asked.operator != "is_null":
        yield from (Filter("subject_type", "eq", type_), Filter(f"subject_{what}", asked.operator, asked.value))


QUERY = _Query(ExecutionOut(), filters=_FILTERS, columns=_COLUMNS, timed=_TIMED, unless=_UNLESS).with_more(label=labels.ASKED)
#: The same for one object, such as an agent, whose runs are few enough to scan.
OF_SUBJECT = _Query(ExecutionOut(), filters=_FILTERS, columns=_COLUMNS).with_more(label=labels.ASKED)

_IS_GOING = Condition(lambda: GOING)
_HAS_ERROR = Condition(lambda: WITH_ERROR)
_HAS_FINGERPRINT = Condition(lambda: WITH_FINGERPRINT)
_IS_RETRY = Condition(lambda: RETRIED)
_IS_NOT_BY_API = Condition(lambda: NOT_BY_API)


def implied(asked: Mapping[str, Any]) -> list[Condition]:
    """Return what the filters imply of every run that they find, in the words of the partial indexes."""
    statuses, triggers = _any_of(asked, "status"), _any_of(asked, "trigger_type")
    going = bool(statuses) and statuses.isdisjoint(states.TERMINAL)
    failed = bool(statuses) and statuses <= states.TERMINAL - {states.SUCCEEDED}
    found = (
        (going or _is_set(asked, "waiting_for"), _IS_GOING),
        (failed, _HAS_ERROR),
        (_is_set(asked, "error_fingerprint"), _HAS_FINGERPRINT),
        (_is_set(asked, "retry_of"), _IS_RETRY),
        (bool(triggers) and "api" not in triggers, _IS_NOT_BY_API),
    )
    of_label = [labels.has(asked["label"])] if "label" in asked else []
    of_tree = [in_tree_of(asked["root_id"])] if "root_id" in asked else []
    of_waits = [
        waits_for(operator, value if operator == "in" else [value])
        for operator, value in (("eq", asked.get("waiting_for")), *((o, asked.get(f"waiting_for[{o}]")) for o in ("ne", "in")))
        if value is not None
    ]
    of_subject = [
        Condition(partial(_is_other, is_null=is_null), type_=type_)
        for type_, what in itertools.product(SHOWN, ("id", "version"))
        if (is_null := asked.get(f"{type_}_{what}[is_null]")) is not None
    ]
    return [*of_label, *of_tree, *of_waits, *of_subject, *(condition for holds, condition in found if holds)]


def _is_other(type_: Any, *, is_null: bool) -> Any:
    """Whether a run is of no subject of the type; or whether it is."""
    same = Execution.subject_type == type_
    return Execution.subject_type.is_null() | ~same if is_null else same


def _any_of(asked: Mapping[str, Any], name: str) -> set[str]:
    """The values of which a run must have one; empty where it may have any."""
    one, several = asked.get(name), asked.get(f"{name}[in]", ())
    return {*several, *([] if one is None else [one])}


def _is_set(asked: Mapping[str, Any], name: str) -> bool:
    """Whether the filters find no run in which the field is null."""
    return asked.get(f"{name}[is_null]") is False or any(key in asked for key in (name, f"{name}[ne]", f"{name}[in]"))
