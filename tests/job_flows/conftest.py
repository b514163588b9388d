"""An organization with an agent that answers at once, job flows that start it, clocks that the test moves, and a worker in its thread."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

import pytest
import time_machine

from aasim_core.app import App
from aasim_core.clock import from_text, now, to_text
from aasim_core.context import organization_scope, system_scope
from aasim_core.events.records import EventRow
from aasim_core.jobs.leases import Leases
from aasim_core.jobs.queue import enqueue
from aasim_core.jobs.worker_liveness import Presence
from aasim_core.testing.world import Answer, Client, Person, World
from aasim_core.worker.maintenance import Maintenance
from aasim_core.worker.runner import work_off
from aasim_plugins.executions import service as executions
from aasim_plugins.executions.hookspecs import Finished, Runner, Startable, Target
from aasim_plugins.executions.models import Execution
from aasim_plugins.job_flows.models import Firing

OFF = {"budgets", "connected_apps", "hitl_approvals", "mcp_server", "rubrics", "teams", "webhooks"}
MOST_WAITING, MOST_CAUSED = 40, 20
BEGIN = "2026-03-02T07:30:00Z"  # a Monday


@pytest.fixture(scope="session")
def plugin_settings() -> Mapping[str, Any]:
    """What flows have nothing to do with is off."""
    return {"plugins.disabled": sorted(OFF), "job_flows.waiting_limit": MOST_WAITING, "job_flows.caused_limit": MOST_CAUSED}


class Clock:
    """The clock of this process and that of the database, which stand still until they are moved."""

    def __init__(self, app: App, traveller: time_machine.Traveller) -> None:
        self._app, self._traveller = app, traveller

    def set(self, moment: str | datetime) -> None:
        """Let it be that moment."""
        at = from_text(moment) if isinstance(moment, str) else moment
        self._traveller.move_to(at, tick=False)
        self.set_database(at)

    def set_database(self, moment: datetime) -> None:
        """Let it be that moment for the database alone."""
        self._app.database.time_query = f"SELECT '{to_text(moment)}'"

    def pass_by(self, **some: float) -> None:
        """Let some time pass."""
        self.set(now() + timedelta(**some))


@pytest.fixture
def clock(app: App) -> Iterator[Clock]:
    """Both clocks, on a Monday morning."""
    with time_machine.travel(BEGIN, tick=False) as traveller:
        clock = Clock(app, traveller)
        clock.set(BEGIN)
        yield clock


@pytest.fixture
def owner(clock: Clock, world: World) -> Person:
    """The owner of an organization."""
    return world.organization()


class Flows:
    """The job flows of an organization, what they start, and a worker."""

    def __init__(self, world: World, owner: Person, clock: Clock) -> None:
        self.app, self.owner, self._world, self._clock = world.app, owner, world, clock
        self._maintenance = Maintenance(self.app, Leases(self.app.database, "test"), Presence(self.app.settings.data_dir))
        [engine] = owner.client.get("/engines?provider=scripted&limit=1").data["items"]
        self._engine_id = engine["id"]
        self.agent_id = self.make_agent("Scripted")

    @property
    def client(self) -> Client:
        """The owner's; logged in anew, since tests move the clock."""
        return self._world.again(self.owner).client

    def make_agent(self, name: str, client: Client | None = None, **fields: Any) -> str:
        """An agent that says "Done."; returns its id."""
        parameters = {"replies": ["Done."], **fields.pop("parameters", {})}
        body = {"name": name, "engine_id": self._engine_id, "parameters": parameters, **fields}
        return str((client or self.client).post("/agents", body).data["id"])

    def ask(self, trigger: Mapping[str, Any], client: Client | None = None, **fields: Any) -> Answer:
        """Ask for a flow that starts the agent."""
        target = fields.pop("target", {"type": "agent", "id": fields.pop("agent_id", self.agent_id)})
        body = {"name": "Report", "target": target, "trigger": trigger, "input": "Go.", **fields}
        return (client or self.client).post("/job-flows", body)

    def make(self, trigger: Mapping[str, Any], client: Client | None = None, **fields: Any) -> str:
        """A flow that starts the agent; returns its id."""
        return str(self.ask(trigger, client, **fields).data["id"])

    def cron(self, expression: str, **fields: Any) -> str:
        """The same, for an expression on Berlin's clock."""
        return self.make({"type": "cron", "expression": expression, "timezone": "Europe/Berlin"}, **fields)

    def every(self, minutes: int, **fields: Any) -> str:
        """The same, every so many minutes."""
        return self.make({"type": "interval", "seconds": minutes * 60}, **fields)

    def read(self, flow_id: str) -> dict[str, Any]:
        """The flow as it is now."""
        return dict(self.client.get(f"/job-flows/{flow_id}").data)

    def patch(self, flow_id: str, **fields: Any) -> Answer:
        """Change the flow."""
        return self.client.patch(f"/job-flows/{flow_id}", fields)

    def switch(self, flow_id: str, status: str) -> Answer:
        """Activate, pause or disable it."""
        return self.client.put(f"/job-flows/{flow_id}/status", {"status": status})

    def work(self) -> int:
        """Do every job that is due now; returns how many there were."""
        self._maintenance.unpark()
        self._maintenance.make_ready()
        count = 0
        while some := work_off(self.app):
            count += some
            self._maintenance.make_ready()
        return count

    def watch(self) -> None:
        """Do what is done every minute, and every job that is due."""
        self.do("job_flows.watch")

    def do(self, job: str) -> None:
        """Do a job that has a schedule of its own, and every job that is due."""
        with system_scope("do a job in a test"), self.app.database.transaction():
            enqueue(job, {})
        self.work()

    def until(self, moment: str, step: timedelta = timedelta(minutes=1)) -> None:
        """Let the clock run until then, and do at each step what is due."""
        end = from_text(moment)
        while now() < end:
            self._clock.set(min(now() + step, end))
            self.work()

    def firings(self, flow_id: str) -> list[dict[str, Any]]:
        """What became of its due times, the first one first."""
        return list(self.client.get(f"/job-flows/{flow_id}/executions?sort=due_at&limit=100").data["items"])

    def told(self, flow_id: str) -> list[str]:
        """The same in short: the time on Berlin's or no clock, what became of it, and why."""
        return [_short(firing) for firing in self.firings(flow_id)]

    def runs(self) -> list[dict[str, Any]]:
        """The runs of the agent, the first one first."""
        return list(self.client.get("/executions?sort=created_at&limit=100").data["items"])

    def stats(self, flow_id: str) -> dict[str, Any]:
        """How the flow does."""
        return dict(self.client.get(f"/job-flows/{flow_id}/stats").data)

    def events(self, name: str) -> list[EventRow]:
        """What has happened under that name."""
        with organization_scope(self.owner.organization_id):
            return list(EventRow.select().where(EventRow.name == name).order_by(EventRow.at, EventRow.id))

    def rows(self) -> int:
        """How many firings there are."""
        with organization_scope(self.owner.organization_id):
            return int(Firing.select().count())


def _short(firing: Mapping[str, Any]) -> str:
    """``02 08:00 started`` or ``02 08:00 skipped holiday x3``."""
    parts = [firing["due_at"][8:16].replace("T", " "), firing["outcome"], firing["reason"]]
    return " ".join(part for part in parts if part) + (f" x{firing['count']}" if firing["count"] > 1 else "")


SLEEPER = {"type": "sleeper", "id": "sleeper_01h455vb4pex5vsknk084sn02q"}


@pytest.fixture
def sleepers(app: App) -> list[timedelta]:
    """Lets flows start `SLEEPER`, whose runs take as long as the list says, a minute unless a test says otherwise."""
    length = [timedelta(minutes=1)]

    def run(run: Any) -> Finished:
        run.sleep_until("sleep", run.execution.started_at + length[0])
        return Finished(None)

    def start(target_id: str, number: int, given: Any, initiator_id: str, **about: Any) -> Execution:
        return executions.start(app, "sleeper", given, label="Sleeper", initiator_id=initiator_id, **about)

    def find(target_id: str, number: int | None, principal: Any) -> Target:
        return Target(target_id, 1, "Sleeper")

    app.offers.keep("runners", {**app.offers("runners"), "sleeper": Runner("sleeper", run)})
    app.offers.keep("startables", {**app.offers("startables"), "sleeper": Startable("sleeper", find, start)})
    return length


@pytest.fixture
def flows(world: World, owner: Person, clock: Clock) -> Flows:
    """The job flows of the owner's organization."""
    return Flows(world, owner, clock)
