"""The rules of names that declarations keep, each with the sentence that says what to do."""

import pytest

from aasim_core.plugins import Declarations
from aasim_core.plugins.checks import Check
from aasim_core.plugins.declarations import Offer

from .declared import codes, events, jobs, permissions, resource, routes, table, tables, verdict, work


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


@pytest.mark.long
def test_a_clash_of_tables_with_one_prefix_in_another_is_told() -> None:
    clash = verdict(agents=tables("agents_old_run"), agents_old=tables("agents_old_run"))
    assert list(clash) == ["agents_old"]
    assert clash["agents_old"].startswith("declares the table agents_old_run, which the plugin agents has already")


def test_a_clash_of_prefixes_of_ids_is_told() -> None:
    ours, theirs = table("agents_agent"), table("spies_agent")
    theirs._meta.id_prefix = ours._meta.id_prefix  # type: ignore[attr-defined]
    clash = verdict(agents=Declarations(models=(ours,)), spies=Declarations(models=(theirs,)))
    told = "declares the prefix of ids agents_agent, which the plugin agents has already"
    assert clash == {"spies": f"{told}; give the record another id_prefix, before anybody uses the plugin"}


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


def test_a_core_that_contradicts_itself_is_a_bug_of_ours() -> None:
    with pytest.raises(AssertionError, match=r"declares the job core\.run twice"):
        verdict(core=jobs("core.run", "core.run"))
