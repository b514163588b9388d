"""Ask people a question: the run pauses, and continues with their decision."""

from typing import TYPE_CHECKING

from aasim_core.ids import new_id

from ..hookspecs import Decision, Question, Reviewer, Run, RunPauses

if TYPE_CHECKING:
    from collections.abc import Callable

    from aasim_core.app import App

_STEP = "ask"
#: The prefix of a question's id.
_QUESTION = "approval"


def new_question_id() -> str:
    """An id for a question that is to be put."""
    return new_id(_QUESTION)


def ask(run: Run, question: "Callable[[str], Question]") -> Decision | None:
    """What people decided on the question, as `Run.ask` has it."""
    reviewer = reviewer_of(run.app)
    if reviewer is None:
        return None
    question_id = run.step(_STEP, new_question_id)
    if not run.is_repeated:
        raise put(reviewer, question(question_id), lambda: None)
    return decided(reviewer, question_id)


def reviewer_of(app: "App") -> Reviewer | None:
    """Return the reviewer for the organization in scope, if there is one."""
    return next(iter(app.offers.here("reviewers").values()), None)


def is_wanted(app: "App", question: Question) -> bool:
    """Return whether approval is required: by the agent, the effect, a rubric, or the organization."""
    reviewer = reviewer_of(app)
    return question.is_asked or (reviewer is not None and reviewer.asks(question))


def put(reviewer: Reviewer, question: Question, also: "Callable[[], object]") -> RunPauses:
    """The pause of a run that puts the question; `also` is written together with it."""

    def enter() -> None:
        also()
        reviewer.open(question)

    return _until_decided(reviewer, question.id, enter=enter)


def decided(reviewer: Reviewer, question_id: str) -> Decision:
    """What people decided; raises `RunPauses` as long as they have not."""
    decision = reviewer.decision(question_id)
    if decision is None:
        raise _until_decided(reviewer, question_id)
    return decision


def _until_decided(reviewer: Reviewer, question_id: str, **enter: "Callable[[], object]") -> RunPauses:
    """The pause until people have decided."""

    def is_decided() -> bool:
        return reviewer.decision(question_id) is not None

    return RunPauses("approval", is_over=is_decided, awaited_id=question_id, **enter)
