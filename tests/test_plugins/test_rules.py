"""The rules that declarations keep, each with the sentence that says what to do."""

from dataclasses import replace
from typing import Any

import pytest

from aasim_core.access.permissions import Permission
from aasim_core.access.roles import BUILT_IN
from aasim_core.collecting.rules import broken_rules
from aasim_core.data.records import Record, TenantRecord
from aasim_core.error_codes import ErrorCode
from aasim_core.events.declarations import Event, Listener
from aasim_core.http.operations import SELF, Resource, operation
from aasim_core.jobs.declarations import Job
from aasim_core.plugins import Declarations
from aasim_core.plugins.checks import Check
from aasim_core.plugins.declarations import Offer
from aasim_core.schemas.schema import DeletedOut


def work(*args: Any) -> None:
    """Do nothing."""


def table(name: str) -> type[Record]:
    """A record of that table."""
    return type("Thing", (TenantRecord,), {"Meta": type("Meta", (), {"table_name": name, "id_prefix": name})})


def resource(*templates: str) -> Resource:
    """A resource that answers at these templates."""

    @operation(SELF)
    def on_get(resource: Resource, req: Any, resp: Any) -> None:
        """Get them."""

    paths = {f"s{number}" if number else "": template for number, template in enumerate(templates)}
    responders = {f"on_get_{suffix}" if suffix else "on_get": on_get for suffix in paths}
    made: Resource = type("Things", (Resource,), {"paths": paths, **responders})()
    return made


def permissions(*ids: str) -> Declarations:
    """Declarations of permissions only."""
    return Declarations(permissions=tuple(Permission(one, "For a test.") for one in ids))


def events(*names: str, listens_to: tuple[str, ...] = ()) -> Declarations:
    """Declarations of events, and of listeners to events."""
    return Declarations(
        events=tuple(Event(name, "For a test.") for name in names),
        listeners=tuple(Listener(pattern, work) for pattern in listens_to),
    )


def granted(*roles: str) -> Declarations:
    """Declarations of one permission that these roles get."""
    return Declarations(permissions=(Permission("things:read", "For a test.", roles=roles),))


def scheduled(schedule: str) -> Declarations:
    """Declarations of one job with that schedule."""
    return Declarations(jobs=(Job("things.sweep", work, schedule=schedule),))


def jobs(*names: str) -> Declarations:
    """Declarations of jobs only."""
    return Declarations(jobs=tuple(Job(name, work) for name in names))


def codes(*names: str, status: int = 409, bundled: bool = False) -> Declarations:
    """Declarations of error codes only, of a plugin from elsewhere."""
    made = (ErrorCode(name, status, "it is full", "delete one", example="It is full.") for name in names)
    return Declarations(error_codes=tuple(made), bundled=bundled)


def refusing(code: str) -> Declarations:
    """Declarations of one resource, whose operation says that it refuses with the code."""

    @operation(SELF, refusals=(code,))
    def on_get(resource: Resource, req: Any, resp: Any) -> None:
        """Get them."""

    return Declarations(routes=(type("Things", (Resource,), {"paths": {"": "/notes"}, "on_get": on_get})(),))


def tables(*names: str) -> Declarations:
    """Declarations of records only."""
    return Declarations(models=tuple(table(name) for name in names))


def routes(*templates: str) -> Declarations:
    """Declarations of one resource."""
    return Declarations(routes=(resource(*templates),))


def verdict(requires: dict[str, tuple[str, ...]] | None = None, /, **declared: Declarations) -> dict[str, str]:
    """What is wrong with these declarations, by plugin; `requires` says which plugins require which."""
    everything = {"core": Declarations(), **declared}
    return broken_rules(everything, {owner: (requires or {}).get(owner, ()) for owner in everything})


@pytest.mark.parametrize(
    "own",
    [
        permissions("job_flows:read", "job_flows:run_now"),
        events("job_flows.created", "job_flows.run_started"),
        jobs("job_flows.run", "job_flows.tidy_up"),
        tables("job_flows_flow", "job_flows_flow_run"),
        codes("job_flows_full", "job_flows_no_such_day"),
        codes("full", bundled=True),
        routes("/job-flows", "/job-flows/{job_flow_id}", "/job-flows/{job_flow_id}/stats", "/job-flows/due"),
        Declarations(checks=(Check("job_flows", work),)),
    ],
)
def test_what_is_named_after_its_plugin_is_accepted(own: Declarations) -> None:
    assert verdict(job_flows=own) == {}


@pytest.mark.parametrize(
    ("own", "complaint"),
    [
        (permissions("agents.read"), "declares the permission agents.read; name it agents:<verb>"),
        (permissions("agent:read"), "name it agents:<verb>"),
        (permissions("agents:Read"), "name it agents:<verb>"),
        (events("agent.created"), "declares the event agent.created; name it agents.<past tense>"),
        (codes("full"), "declares the error code full; name it agents_<what>"),
        (codes("agents_full", status=418), "declares the error code agents_full with the status 418; use one of 400, 401,"),
        (jobs("agents:run"), "declares the job agents:run; name it agents.<verb>"),
        (tables("agent"), "declares the table agent; name it agents_<singular>"),
        (tables("core_agent"), "name it agents_<singular>"),
        (routes("/agent"), "has the route /agent; its routes begin with /agents, or with the root of a plugin that it requires"),
        (routes("/agentsx"), "has the route /agentsx; its routes begin with /agents"),
        (routes("agents"), "has the route 'agents'; a route begins with a slash and does not end with one"),
        (routes("/agents/"), "does not end with one"),
    ],
)
def test_what_is_named_otherwise_is_refused(own: Declarations, complaint: str) -> None:
    assert complaint in verdict(agents=own)["agents"]


def test_an_operation_refuses_with_codes_that_somebody_declares() -> None:
    assert verdict(engines=codes("engines_full"), notes=refusing("engines_full")) == {}
    assert verdict(engines=codes("engines_full"), notes=refusing("engine_full")) == {
        "notes": 'refuses GET /notes with the error code engine_full, which nobody declares; did you mean "engines_full"?'
    }


def test_a_root_has_hyphens_where_the_name_has_underscores() -> None:
    assert "its routes begin with /job-flows" in verdict(job_flows=routes("/job_flows"))["job_flows"]


def test_a_route_under_the_root_of_another_plugin_needs_requires() -> None:
    theirs, ours = routes("/agents"), routes("/agents/{agent_id}/run")
    assert verdict({"executions": ("agents",)}, agents=theirs, executions=ours) == {}
    assert verdict(agents=theirs, executions=ours) == {
        "executions": "has the route /agents/{agent_id}/run under the root of the plugin agents; add 'agents' to its `requires`"
    }


def test_a_root_of_the_core_is_the_cores() -> None:
    assert verdict(core=routes("/plugins"), plugins=routes("/plugins/mine"))["plugins"] == (
        "has the route /plugins/mine, and /plugins belongs to the core"
    )


@pytest.mark.parametrize(
    ("core", "own", "complaint"),
    [
        (permissions("slack:read"), permissions("slack:read"), "declares the permission slack:read, which the core has already"),
        (events("slack.sent"), events("slack.sent"), "declares the event slack.sent, which the core has already"),
        (jobs("slack.send"), jobs("slack.send"), "declares the job slack.send, which the core has already"),
        (tables("slack_message"), tables("slack_message"), "declares the table slack_message, which the core has already"),
        (
            Declarations(checks=(Check("database", work),)),
            Declarations(checks=(Check("database", work),)),
            "which the core has already",
        ),
    ],
)
def test_a_clash_with_the_core_is_told(core: Declarations, own: Declarations, complaint: str) -> None:
    assert complaint in verdict(core=core, slack=own)["slack"]


def test_a_clash_of_two_plugins_names_both_and_breaks_the_later() -> None:
    requires = {"executions": ("agents",), "marketplace": ("agents",)}
    clash = verdict(
        requires,
        agents=routes("/agents"),
        executions=routes("/agents/{agent_id}/run"),
        marketplace=routes("/agents/{agent_id}/run"),
    )
    assert clash == {"marketplace": "declares the route /agents/{agent_id}/run, which the plugin executions has already"}


def test_a_route_that_is_taken_is_told_once_without_advice_that_does_not_help() -> None:
    clash = verdict(agents=routes("/agents"), notes=routes("/agents"))
    assert clash == {"notes": "declares the route /agents, which the plugin agents has already"}


def test_two_operations_of_one_name_are_told() -> None:
    clash = verdict(agents=Declarations(routes=(resource("/agents/runs"), resource("/agents/{agent_id}/runs")), owner="agents"))
    told = (
        "has the operation GET /agents/{agent_id}/runs, named agents_runs_list as one of the plugin agents; give it another name"
    )
    assert clash["agents"].startswith(told)


def test_a_clash_of_tables_with_one_prefix_in_another_is_told() -> None:
    clash = verdict(agents=tables("agents_old_run"), agents_old=tables("agents_old_run"))
    assert list(clash) == ["agents_old"]
    assert clash["agents_old"].startswith("declares the table agents_old_run, which the plugin agents has already")


def test_a_clash_of_prefixes_of_ids_is_told() -> None:
    ours, theirs = table("agents_agent"), table("spies_agent")
    theirs._meta.id_prefix = ours._meta.id_prefix  # type: ignore[attr-defined]
    clash = verdict(agents=Declarations(models=(ours,)), spies=Declarations(models=(theirs,)))
    assert clash == {"spies": "declares the prefix of ids agents_agent, which the plugin agents has already"}


def test_a_clash_of_what_two_bring_for_one_hook_is_told() -> None:
    exact = Declarations(offers=(Offer("graders", "exact", object()),))
    clash = verdict(rubrics=exact, polite=exact, other=Declarations(offers=(Offer("connectors", "exact", object()),)))
    assert clash == {"polite": "declares the entry for graders exact, which the plugin rubrics has already"}


def test_routes_that_differ_in_the_name_of_a_field_only_are_one_route() -> None:
    clash = verdict({"executions": ("agents",)}, agents=routes("/agents/{agent_id}"), executions=routes("/agents/{id}"))
    assert "declares the route /agents/{id}, which the plugin agents has already as /agents/{agent_id}" in clash["executions"]


def test_one_field_of_a_path_has_one_name() -> None:
    clash = verdict({"executions": ("agents",)}, agents=routes("/agents/{agent_id}"), executions=routes("/agents/{id}/run"))
    assert clash == {
        "executions": "has the route /agents/{id}/run, where the plugin agents calls the field {agent_id}; use the same name"
    }


@pytest.mark.parametrize(
    ("own", "complaint"),
    [
        (permissions("agents:read", "agents:read"), "declares the permission agents:read twice"),
        (routes("/agents", "/agents"), "declares the route /agents twice"),
        (Declarations(routes=(resource("/agents"), resource("/agents"))), "declares the route /agents twice"),
        (tables("agents_agent", "agents_agent"), "declares the table agents_agent twice"),
        (events(listens_to=("*", "*")), "declares the listener */work twice"),
    ],
)
def test_what_a_plugin_declares_twice_is_refused(own: Declarations, complaint: str) -> None:
    assert complaint in verdict(agents=own)["agents"]


def test_a_listener_to_an_event_that_nobody_declares_is_told() -> None:
    deaf = verdict(agents=events("agents.created"), webhooks=events(listens_to=("agents.creatd",)))
    assert deaf == {"webhooks": 'listens to the event agents.creatd, which nobody declares; did you mean "agents.created"?'}


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
        "has a route that cannot be served: TypeError: the reply of Unmade.on_get is the class DeletedOut; write DeletedOut() (test_plugins"
    )


def test_an_operation_with_a_permission_that_nobody_declares_is_refused() -> None:
    own = Declarations(routes=(Guarded(),), permissions=permissions("agents:read").permissions)
    refused = verdict(agents=own)["agents"]
    assert refused.startswith(
        'asks for the permission agents:reed at GET /agents, which nobody declares; did you mean "agents:read"? (test_plugins/'
    )


def test_a_core_that_contradicts_itself_is_a_bug_of_ours() -> None:
    with pytest.raises(AssertionError, match=r"declares the job core\.run twice"):
        verdict(core=jobs("core.run", "core.run"))
