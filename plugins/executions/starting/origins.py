"""The origin of a run, as values of its row: starter, trigger, parent runs, and principal chain.

A chain lists everyone in whose name a run acts, from the person to the run itself: ids, followed by ``@`` and the version, or the due time,
where they have one. The column `chain` holds the links above the run's own, and nothing where that is only the starter.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from aasim_core.context import current_actor
from aasim_core.lists.render_plan import Derived

from ..models import SHOWN, Execution

_COLUMNS = ("id", "chain", "initiator_id", "api_key_id", "parent_id", "subject_id", "subject_version")


def initiator(initiator_id: str, api_key_id: str | None, parent: Execution | None) -> dict[str, Any]:
    """Who starts the run."""
    label = parent.initiator_label if parent else _label_of(initiator_id, api_key_id)
    return {"initiator_id": initiator_id, "initiator_label": label, "api_key_id": api_key_id}


def _label_of(initiator_id: str, api_key_id: str | None) -> str | None:
    """What the initiator is called; None where somebody else starts the run for them."""
    actor = current_actor()
    return actor.label if actor.id == (api_key_id or initiator_id) else None


def origin(
    parent: Execution | None, retry_of: Execution | None, undoes: Execution | None, trigger: Mapping[str, Any]
) -> dict[str, Any]:
    """What started the run, and which runs it comes from."""
    before = retry_of or parent or undoes
    return {
        "parent_id": parent.id if parent else None,
        "retry_of": retry_of.id if retry_of else None,
        "root_id": before.root_id if before else None,
        "trigger": dict(trigger),
        "trigger_type": trigger["type"],
    }


def subject(type_: str | None, subject_id: str | None, version: int) -> dict[str, Any]:
    """What the run is of; for workers of the release before this one also where that looks for it, until the next release."""
    found = {"subject_type": type_, "subject_id": subject_id, "subject_version": version}
    return {**found, f"{type_}_id": subject_id, f"{type_}_version": version} if type_ in SHOWN else found


def inherited(initiator_id: str, api_key_id: str | None, parent: Execution | None, links: Sequence[str]) -> dict[str, Any]:
    """What stands above the links of the run itself: the chain of its parent, or who starts it, and the `links` that follow."""
    if parent is None and not links:
        return {"chain": None}
    before = chain_of(parent) if parent else [initiator_id, *filter(None, [api_key_id])]
    return {"chain": [*before, *links]}


def chain_of(execution: Execution) -> list[str]:
    """The chain of the run."""
    return _chain(execution.__data__, execution.chain)


def _chain(row: Mapping[str, Any], above: Sequence[str] | None) -> list[str]:
    """The chain of a run with those above it; a former release has written none, so that of its runs only their parents are known."""
    known = above or filter(None, map(row.get, ("initiator_id", "api_key_id", "parent_id")))
    subject = [f"{row['subject_id']}@{row['subject_version']}"] if row.get("subject_id") else []
    return [*known, *subject, row["id"]]


#: The chain in answers.
CHAIN = Derived(_COLUMNS, lambda row: _chain(row, row["chain"] and orjson.loads(row["chain"])))
