"""Runs of what a test says."""

from collections.abc import Callable, Iterator

import pytest

from aasim_core.app import App
from aasim_core.context import organization_scope
from aasim_core.data.records import database_of
from aasim_core.testing.world import Person
from aasim_plugins.executions import service
from aasim_plugins.executions.hookspecs import Finished, Run, Runner
from aasim_plugins.executions.models import Execution

Begin = Callable[[Callable[[Run], Finished]], Execution]


@pytest.fixture
def begin(app: App, owner: Person) -> Iterator[Begin]:
    """Starts a run of what the test says."""
    runners = app.offers("runners")

    def start(run: Callable[[Run], Finished]) -> Execution:
        app.offers.keep("runners", {**runners, "lonely": Runner("lonely", run=run)})
        with organization_scope(owner.organization_id), database_of(Execution).transaction():
            return service.start(app, "lonely", None, label="lonely", initiator_id=owner.user_id)

    yield start
    app.offers.keep("runners", runners)
