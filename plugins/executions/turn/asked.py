"""The questions that runs have asked people, by the records of their steps."""

from collections.abc import Collection, Iterator, Mapping
from typing import TYPE_CHECKING

from ..hookspecs import Decision
from ..models import Execution, Step
from ..questions.asking import reviewer_of

if TYPE_CHECKING:
    from aasim_core.app import App

#: The step of `Run.ask`, whose result is the question's id.
_ASK = "ask"
_AT_ONCE = 500


def asked_among(execution_ids: Collection[str]) -> set[str]:
    """Those of the runs that have asked people something with `Run.ask`, or have started runs that have."""
    asked, roots = set[str](), {execution_id: execution_id for execution_id in execution_ids}
    while roots:
        below: dict[str, str] = {}
        for some in _groups(roots):
            steps = Step.select(Step.execution_id).where(Step.execution_id.in_(some), Step.name == _ASK)
            asked |= {roots[step.execution_id] for step in steps}
            children = Execution.select(Execution.id, Execution.parent_id).where(Execution.parent_id.in_(some))
            below |= {child.id: roots[child.parent_id] for child in children}
        roots = {execution_id: root for execution_id, root in below.items() if root not in asked}
    return asked


def _groups(roots: Mapping[str, str]) -> Iterator[list[str]]:
    ids = list(roots)
    return (ids[start : start + _AT_ONCE] for start in range(0, len(ids), _AT_ONCE))


def last_question(execution_id: str) -> str | None:
    """The id of the last question that the run itself has put; None where it has put none."""
    asked = Step.select().where(Step.execution_id == execution_id, Step.name == _ASK)
    step = asked.order_by(Step.number.desc()).first()
    return None if step is None else step.result


def decision_on(app: "App", question_id: str | None) -> Decision | None:
    """What became of the question; None while it is open, and where nobody knows it."""
    reviewer = reviewer_of(app)
    return None if reviewer is None or question_id is None else reviewer.decision(question_id)
