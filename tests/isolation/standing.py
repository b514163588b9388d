"""As whom things run: what a record starts or is, and whose rights that has then."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from aasim_core.context import organization_scope
from aasim_core.data.records import Row

from .gains import Control

#: The columns with the account whose rights are used, in records that also have the API key, if it was one.
_ACCOUNTS = ("owner_id", "initiator_id", "created_by")
#: The columns that say what is done, and with which input, or who may bring some.
DONE: Mapping[str, tuple[str, ...]] = {
    "executions_execution": ("kind", "subject_id", "subject_version", "input", "parameters"),
    "job_flows_flow": ("target_id", "target_version", "input", "listens_to", "hook_digest", "secret"),
    "rubrics_evaluation": ("rubric_id", "agent_id", "agent_version"),
    "workflows_batch": ("workflow_id", "kind", "asked"),
}
#: Records with an account and an API key that start nothing, and why.
OF_WHAT_WAS_DONE = {"engines_call": "It is written when the call of the engine is over."}
#: Ways for others to bring input, of which null is none.
_WAYS_IN = ("listens_to", "hook_digest")


@dataclass(frozen=True)
class Arranged:
    """What a record does, by column, and the account whose rights that has."""

    account: str | None
    done: Mapping[str, Any]

    def differs(self, before: "Arranged | None") -> bool:
        """Whether it does something else than before, or as somebody else."""
        if before is None or self.account != before.account:
            return True
        changed = {name for name, value in self.done.items() if value != before.done[name]}
        return any(self.done[name] is not None or name not in _WAYS_IN for name in changed)


#: What is arranged, by table and id.
Standing = Mapping[tuple[str, str], Arranged]


def acting(models: list[type[Row]]) -> Mapping[str, tuple[type[Row], str]]:
    """Return the records whose rights are used later, by table, each with the column of the account."""
    with_key = [model for model in models if "api_key_id" in model._meta.fields]
    named = [(model, name) for model in with_key for name in _ACCOUNTS if name in model._meta.fields]
    return {model._meta.table_name: (model, name) for model, name in named}


def standing(control: Control) -> Standing:
    """Return what is arranged in the organization."""
    with organization_scope(control.organization_id):
        return dict(_rows(control))


def _rows(control: Control) -> Iterator[tuple[tuple[str, str], Arranged]]:
    for table, (model, account) in acting(control.app.models).items():
        for record in model.select() if table in DONE else ():
            row = record.row()
            yield (table, row["id"]), Arranged(row[account], {name: row[name] for name in DONE[table]})


def foreign(control: Control, before: Standing) -> list[str]:
    """Return what was arranged since then, or changed, and has the rights of an account that is not the caller's."""
    with organization_scope(control.organization_id):
        mine = control.accounts()
    return [
        f"{table} {row_id} does {now.done} with the rights of {now.account}"
        for (table, row_id), now in standing(control).items()
        if now.account not in mine and now.differs(before.get((table, row_id)))
    ]
