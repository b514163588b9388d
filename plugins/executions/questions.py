"""Putting a question to people: the run pauses, and goes on with what they decided."""

from typing import TYPE_CHECKING

from .hookspecs import Decision, Question, Reviewer, RunPauses

if TYPE_CHECKING:
    from collections.abc import Callable

    from aasim_core.app import App


def reviewer_of(app: "App") -> Reviewer | None:
    """Whoever puts questions to people in the organization in scope, if anybody does."""
    return next(iter(app.offers.here("reviewers").values()), None)


def is_wanted(app: "App", question: Question) -> bool:
    """Whether the question is to be put: because the agent, the effect or a rubric asks for it, or the organization does."""
    reviewer = reviewer_of(app)
    return question.is_asked or (reviewer is not None and reviewer.asks(question))


def put(reviewer: Reviewer, question: Question, also: "Callable[[], object]") -> RunPauses:
    """The pause of a run that puts the question; `also` is written together with it."""

    def enter() -> None:
        also()
        reviewer.open(question)

    return RunPauses("approval", enter, lambda: reviewer.decision(question.id) is not None)


def decided(reviewer: Reviewer, question_id: str) -> Decision:
    """What people decided; raises `RunPauses` as long as they have not."""
    decision = reviewer.decision(question_id)
    if decision is None:
        raise RunPauses("approval", is_over=lambda: reviewer.decision(question_id) is not None)
    return decision
