"""A plugin with a fault fails the run at once, and is named: not after three attempts, and not as our own error."""

from collections.abc import Callable
from typing import Any

import pytest

from aasim_core.app import App
from aasim_core.testing.world import Person
from aasim_plugins.agents.hookspecs import Assessor
from aasim_plugins.executions.hookspecs import Question, Reviewer

from ..tools.test_tool_calls import call, run

Make = Callable[..., dict[str, Any]]
Work = Callable[[], int]


def fail(*_: Any) -> Any:
    """What a plugin with a fault does."""
    raise KeyError


@pytest.mark.parametrize("reviewer", [Reviewer("desk", fail, fail, fail), Reviewer("desk", lambda question: False, fail, fail)])
def test_a_reviewer_that_fails_fails_the_run(
    app: App, owner: Person, scripted: Make, work: Work, shed: Any, reviewer: Reviewer
) -> None:
    app.offers.keep("reviewers", {"desk": reviewer})
    execution = run(owner, scripted(call("hammer", what="nail"), "done", tools=[{"ref": shed.add("hammer", effect="pay")}]), work)
    assert (execution["status"], execution["attempt"]) == ("failed", 1)
    assert (execution["error"]["code"], execution["error"]["meta"]["hook"]) == ("plugin_failed", "reviewers")
    assert shed.used == []


@pytest.mark.long
def test_a_reviewer_that_fails_to_know_what_was_decided_fails_the_run(
    app: App, owner: Person, scripted: Make, work: Work, shed: Any
) -> None:
    opened: list[Question] = []
    app.offers.keep("reviewers", {"desk": Reviewer("desk", lambda question: False, opened.append, fail)})
    execution = run(owner, scripted(call("hammer", what="nail"), "done", tools=[{"ref": shed.add("hammer", effect="pay")}]), work)
    assert (len(opened), execution["error"]["code"]) == (1, "plugin_failed")


@pytest.mark.long
def test_an_assessor_that_fails_fails_the_run(app: App, owner: Person, scripted: Make, work: Work) -> None:
    assessor = Assessor("strict", concerns=lambda execution, definition: True, assess=fail, record=fail)
    app.offers.keep("assessors", {"strict": assessor})
    execution = run(owner, scripted("done"), work)
    assert (execution["error"]["code"], execution["error"]["retryable"]) == ("plugin_failed", False)


@pytest.mark.long
@pytest.mark.parametrize(("effect", "asked"), [("read", 0), ("write", 1)])
def test_only_of_a_tool_that_does_more_than_read_people_are_asked_what_it_has_done(
    owner: Person, scripted: Make, work: Work, shed: Any, desk: Any, effect: str, asked: int
) -> None:
    shed.does = fail
    run(owner, scripted(call("hammer", what="nail"), "done", tools=[{"ref": shed.add("hammer", effect=effect)}]), work)
    assert (len(desk.open), len(shed.used)) == (asked, 1)
