"""Errands: runs that need an admission, for tests; those that are told to ``wait`` do so in their turn, until they are told to go on."""

from collections.abc import Mapping
from contextlib import AbstractContextManager, ExitStack
from typing import Any

from aasim_core.app import App
from aasim_core.context import organization_scope
from aasim_core.testing.world import Person
from aasim_core.worker.runner import work_off
from aasim_plugins.executions import service
from aasim_plugins.executions.hookspecs import Finished, Run, Runner
from aasim_plugins.executions.models import Execution
from aasim_plugins.executions.service import Admit, Rule
from aasim_plugins.executions.shell.slot_records import AdmissionRow, TicketRow
from aasim_plugins.executions.steering import signal

KEY = "errands"
ONE = Rule(limit=1)


class Errands:
    """The errands of an organization; `run` are the ids of those that were, in the order in which they ended."""

    def __init__(self, app: App, owner: Person) -> None:
        self.app, self.owner = app, owner
        self.run: list[str] = []
        app.offers.keep("runners", {**app.offers("runners"), "errand": Runner("errand", run=self._run)})

    def _run(self, run: Run) -> Finished:
        if run.execution.input == "wait":
            run.wait_for_signal("it", "go")
        self.run.append(run.execution.id)
        return Finished("done")

    def start(
        self, rule: Rule | None = ONE, given: str = "go", *, group: str = "", hold: Any = "run", key: str = KEY, **more: Any
    ) -> str:
        """Start one, in a transaction of its own; its id."""
        admission = None if rule is None else Admit(key, rule, group, hold)
        with self.transaction():
            return self.start_within(admission, given, **more).id

    def start_within(self, admission: Admit | None, given: str = "go", **more: Any) -> Execution:
        """Start one in the running transaction."""
        told = {"label": "errand", "initiator_id": self.owner.user_id, "admission": admission, **more}
        return service.start(self.app, "errand", given, **told)

    def transaction(self) -> AbstractContextManager[Any]:
        """A transaction in the organization."""
        both = ExitStack()
        both.enter_context(organization_scope(self.owner.organization_id))
        both.enter_context(self.app.database.transaction())
        return both

    def work(self) -> None:
        """Do what is due."""
        work_off(self.app)

    def go_on(self, execution_id: str) -> None:
        """Tell one that waits to go on."""
        with self.transaction():
            signal(Execution.get(Execution.id == execution_id), "go")

    def cancel(self, execution_id: str) -> None:
        """Cancel one."""
        self.owner.client.post(f"/executions/{execution_id}/cancel")

    def read(self, execution_id: str) -> dict[str, Any]:
        """What clients are told of one."""
        return dict(self.owner.client.get(f"/executions/{execution_id}").data)

    def status(self, execution_id: str) -> str:
        """Its status, or ``admission`` where it waits for that."""
        told = self.read(execution_id)
        return "admission" if told["waiting_for"] == "admission" else str(told["status"])

    def statuses(self, *ids: str) -> list[str]:
        """Those of each."""
        return [self.status(each) for each in ids]

    def left(self) -> Mapping[str, int]:
        """How many rows there are of tickets and of keys."""
        with organization_scope(self.owner.organization_id):
            return {"tickets": TicketRow.select().count(), "keys": AdmissionRow.select().count()}
