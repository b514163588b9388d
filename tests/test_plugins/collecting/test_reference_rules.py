"""What a declaration refers to has to be there: events, permissions, roles, times, error codes and responders."""

from dataclasses import replace
from typing import Any

import pytest

from aasim_core.access.permissions import Permission
from aasim_core.access.roles import BUILT_IN
from aasim_core.events.declarations import Event, Listener
from aasim_core.http.operations import SELF, Resource, operation
from aasim_core.jobs.declarations import Job
from aasim_core.plugins import Declarations
from aasim_core.schemas.schema import DeletedOut

from .declared import codes, events, permissions, resource, verdict, work


def refusing(code: str) -> Declarations:
    """Declarations of one resource, whose operation says that it refuses with the code."""

    @operation(SELF, refusals=(code,))
    def on_get(resource: Resource, req: Any, resp: Any) -> None:
        """Get them."""

    return Declarations(routes=(type("Things", (Resource,), {"paths": {"": "/notes"}, "on_get": on_get})(),))


def reaching(reach: Any) -> Declarations:
    """Declarations of one resource, whose operation has that reach."""

    @operation(SELF, reach=reach)
    def on_get(resource: Resource, req: Any, resp: Any) -> None:
        """Get them."""

    return Declarations(routes=(type("Things", (Resource,), {"paths": {"": "/notes"}, "on_get": on_get})(),))


def granted(*roles: str) -> Declarations:
    """Declarations of one permission that these roles get."""
    return Declarations(permissions=(Permission("things:read", "For a test.", roles=roles),))


def scheduled(schedule: str) -> Declarations:
    """Declarations of one job with that schedule."""
    return Declarations(jobs=(Job("things.sweep", work, schedule=schedule),))


def test_a_listener_to_an_event_that_nobody_declares_is_told() -> None:
    deaf = verdict(agents=events("agents.created"), webhooks=events(listens_to=("agents.creatd",)))
    assert deaf == {"webhooks": 'listens to the event agents.creatd, which nobody declares; did you mean "agents.created"?'}


def test_a_listener_that_gets_no_deliveries_and_says_which_it_wants_is_told() -> None:
    listener = Listener("agents.*", work, "before_commit", wanted=bool, at_once=bool)
    told = verdict(agents=replace(events("agents.created"), listeners=(listener,)))["agents"]
    assert told.startswith("gives wanted and at_once to the before_commit listener of agents.*, where nothing calls it")


def family(name: str, plugin: str = "", *, bundled: bool = True, more: tuple[str, ...] = ()) -> Declarations:
    """Declarations of a family of events, and of more."""
    return replace(events(*more), events=(Event(name, "For a test.", plugin=plugin), *events(*more).events), bundled=bundled)


def test_a_family_of_events_can_be_listened_to_by_the_name_of_a_member() -> None:
    flows = family("custom.*", "flows")
    for pattern in ("custom.paid", "custom.*"):
        assert verdict(flows=flows, webhooks=events(listens_to=(pattern,))) == {}


def test_a_member_of_a_family_is_for_its_plugin_to_declare() -> None:
    verdicts = verdict(flows=family("custom.*", "flows", more=("flows.created",)), custom=events("custom.made"))
    assert verdicts == {"custom": "declares the event custom.made, and the events custom.* are those of the plugin flows"}


def test_an_event_is_given_to_no_other_plugin() -> None:
    told = verdict(flows=family("flows.made", "agents"))["flows"]
    assert told == 'gives the event flows.made to the plugin agents; leave out plugin="agents"'


def test_a_family_of_a_plugin_from_elsewhere_is_named_after_it() -> None:
    assert verdict(notes=family("notes.*", bundled=False)) == {}
    told = verdict(notes=family("custom.*", "notes", bundled=False))["notes"]
    assert told == "declares the event custom.*; name it notes.<past tense>"


@pytest.mark.parametrize("pattern", ["*", "agents.*", "agents.created", "slack.sent"])
def test_a_listener_may_wait_for_any_event_and_for_a_plugin_that_is_off(pattern: str) -> None:
    assert verdict(agents=events("agents.created"), webhooks=events(listens_to=(pattern,))) == {}


@pytest.mark.parametrize(
    ("own", "complaint"),
    [
        (
            granted("bulider"),
            'gives the permission things:read to the role bulider, which is not built in; did you mean "builder"?',
        ),
        (granted("x"), "to the role x, which is not built in; built in are owner, admin, builder, "),
        (
            Declarations(permissions=(Permission("things:read", "For a test.", roles="viewer"),)),
            'gives the permission things:read roles="viewer"; write roles=("viewer",)',
        ),
    ],
)
def test_a_permission_for_a_role_that_is_not_built_in_is_refused(own: Declarations, complaint: str) -> None:
    assert complaint in verdict(things=own)["things"]


def test_a_permission_may_be_given_to_every_built_in_role() -> None:
    assert verdict(things=granted(*BUILT_IN)) == {}


@pytest.mark.parametrize("schedule", ["every day", "61 * * * *", "* * * *", "", "0 0 31 2 *"])
def test_a_schedule_that_is_never_due_is_refused(schedule: str) -> None:
    refused = verdict(things=scheduled(schedule))["things"]
    assert f'has a job that is never due: the schedule "{schedule}" of the job things.sweep is not a cron expression' in refused
    assert refused.endswith('; write one such as "0 3 * * *"')


@pytest.mark.parametrize("schedule", ["*/5 * * * *", "0 3 * * 1-5", "0 0 29 2 *"])
def test_a_schedule_that_is_due_some_time_is_accepted(schedule: str) -> None:
    assert verdict(things=scheduled(schedule)) == {}


class Undeclared(Resource):
    """A responder without an operation."""

    paths = {"": "/agents"}

    def on_get(self, req: Any, resp: Any) -> None:
        """List agents."""


class Guarded(Resource):
    """An operation with a permission that nobody declares."""

    paths = {"": "/agents"}

    @operation("agents:reed")
    def on_get(self, req: Any, resp: Any) -> None:
        """List agents."""


def test_a_path_that_nothing_answers_at_is_refused() -> None:
    silent = resource("/agents")
    type(silent).paths = {**silent.paths, "late": "/agents/late"}
    refused = verdict(agents=Declarations(routes=(silent,)))["agents"]
    assert refused.endswith("nothing answers at /agents/late; write Things.on_get_late, or that of another method")


def test_a_responder_without_an_operation_is_refused() -> None:
    refused = verdict(agents=Declarations(routes=(Undeclared(),), owner="agents"))["agents"]
    assert refused.startswith("has a route that cannot be served: LookupError: agents: Undeclared.on_get has no @operation")


class Unmade(Resource):
    """An operation whose schema is a class."""

    paths = {"": "/agents"}

    @operation("agents:read", reply=DeletedOut)
    def on_get(self, req: Any, resp: Any) -> None:
        """List agents."""


def test_a_schema_that_is_a_class_is_refused_with_the_line_of_its_resource() -> None:
    refused = verdict(agents=Declarations(routes=(Unmade(),), owner="agents"))["agents"]
    assert refused.startswith(
        "has a route that cannot be served: TypeError: the reply of Unmade.on_get is the class DeletedOut; write DeletedOut() (collecting"
    )


def test_an_operation_with_a_permission_that_nobody_declares_is_refused() -> None:
    own = Declarations(routes=(Guarded(),), permissions=permissions("agents:read").permissions)
    refused = verdict(agents=own)["agents"]
    assert refused.startswith(
        'asks for the permission agents:reed at GET /agents, which nobody declares; did you mean "agents:read"? (collecting/'
    )


def test_an_operation_refuses_with_codes_that_somebody_declares() -> None:
    assert verdict(engines=codes("engines_full"), notes=refusing("engines_full")) == {}
    assert verdict(engines=codes("engines_full"), notes=refusing("engine_full")) == {
        "notes": 'refuses GET /notes with the error code engine_full, which nobody declares; did you mean "engines_full"?'
    }


def test_a_reach_that_is_none_is_told() -> None:
    assert verdict(notes=reaching("rows")) == {}
    assert verdict(notes=reaching("row")) == {
        "notes": 'has the reach "row" at GET /notes; write organization, rows, place, own, common, or none of them'
    }
