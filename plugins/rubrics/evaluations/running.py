"""Run an evaluation: a version of an agent runs each example of a rubric, a few at a time, and every output is scored.

The rows are the single source of truth, and one job advances them: it scores ended runs, starts the next, and reschedules itself.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from aasim_core.clock import now
from aasim_core.data import records
from aasim_core.errors import Problem, Refused, not_found
from aasim_core.events.log import emit
from aasim_core.ids import is_id
from aasim_core.jobs.queue import enqueue

from .. import labels, scoring
from ..models import BROKEN, DONE, FAILED, RUNNING, SCORED, STARTED, WAITING, Evaluation, EvaluationCase, Example, Rubric
from .comparison import Result, compare

if TYPE_CHECKING:
    from aasim_core.app import App
    from aasim_core.jobs.context import JobContext

#: Whether somebody sees the evaluations of agents in that project.
Sees = Callable[[str | None], bool]
JOB = "rubrics.evaluate"
#: Maximum number of an evaluation's concurrent runs.
_AT_ONCE = 4
#: How long, in seconds, until it is looked again whether runs have ended: a quarter of the time for which nothing happened.
_SOONEST, _LATEST = 1, 60
_SHOWN = ("example_id", "number", "status", "execution_id", "verdict", "score", "error")


def begin(rubric: Rubric, agent: Any, number: int, created_by: str, api_key_id: str | None) -> Evaluation:
    """Write the evaluation with a case for each example as it is now; Refused ``invalid_state`` where there is none.

    Its runs may do what the author may, and no more than the key if they came with one.
    """
    examples = list(Example.select().where(Example.rubric_id == rubric.id).order_by(Example.created_at, Example.id))
    if not examples:
        raise Refused("invalid_state", "The rubric has no examples to try the agent with; attach some first.")
    evaluation: Evaluation = records.create(
        Evaluation,
        rubric_id=rubric.id,
        engine_id=rubric.engine_id,
        rubric_name=rubric.name,
        rubric_version=rubric.rubric_version,
        agent_id=agent.id,
        agent_version=number,
        project_id=agent.project_id,
        created_by=created_by,
        api_key_id=api_key_id,
        total=len(examples),
    )
    cases = [
        EvaluationCase(
            evaluation_id=evaluation.id, example_id=example.id, number=place, input=example.input, expected=example.expected
        )
        for place, example in enumerate(examples, 1)
    ]
    records.insert_rows(EvaluationCase, [case.row() for case in cases])
    enqueue(JOB, {"evaluation_id": evaluation.id}, unique_key=evaluation.id)
    emit("rubrics.evaluation_started", evaluation, data={"rubric_id": rubric.id, "agent_id": agent.id, "agent_version": number})
    return evaluation


def find(engine_id: str, rubric_id: str, evaluation_id: str) -> Evaluation:
    """The evaluation with that rubric of the engine, unless the rubric is deleted; raises the one 404."""
    if not (is_id(engine_id) and is_id(rubric_id) and is_id(evaluation_id)):
        raise not_found()
    there = (Rubric.id == rubric_id) & (Rubric.engine_id == engine_id) & Rubric.deleted_at.is_null()
    query = Evaluation.select(Evaluation).join_from(Evaluation, Rubric, on=Rubric.id == Evaluation.rubric_id)
    found = query.where(Evaluation.id == evaluation_id, there).first()
    if found is None:
        raise not_found()
    evaluation: Evaluation = found
    return evaluation


def take_turn(app: "App", context: "JobContext", evaluation_id: str) -> None:
    """Bring the evaluation forward as far as it goes now, and come back later while anything of it runs."""
    evaluation = records.find_or_none(Evaluation, evaluation_id)
    if evaluation is None or evaluation.status != RUNNING:
        return
    rubric = records.find_or_none(Rubric, evaluation.rubric_id)
    if rubric is None or rubric.deleted_at is not None:
        give_up(evaluation_id, "The rubric was deleted.")
        return
    open_cases = _open_cases(evaluation.id)
    started = [case for case in open_cases if case.status == STARTED]
    running = [case for case in started if not _settle(app, context, evaluation, rubric, case)]
    waiting = [case for case in open_cases if case.status == WAITING]
    if not context.should_stop():
        running += [case for case in waiting[: _AT_ONCE - len(running)] if _start(app, context, evaluation, case)]
    still_open = _open_cases(evaluation.id)
    if still_open:
        context.hand_back(_next_look(still_open))
    else:
        _finish(context, evaluation)


def give_up(evaluation_id: str, reason: str) -> None:
    """Let the evaluation end as failed."""
    with records.database_of(Evaluation).transaction():
        evaluation = records.find_or_none(Evaluation, evaluation_id)
        if evaluation is not None and evaluation.status == RUNNING:
            error = {"code": "evaluation_failed", "message": reason[:500]}
            records.change(evaluation, {"status": FAILED, "error": error, "finished_at": now()})
            emit("rubrics.evaluation_failed", evaluation, data={"reason": reason[:500]})


def cases_of(evaluation: Evaluation) -> list[dict[str, Any]]:
    """What became of each example in the evaluation, in order."""
    return _cases(Evaluation.id == evaluation.id, lambda _: True)[evaluation.id]


def changes(evaluation: Evaluation, before_id: str | None, sees: Sees) -> dict[str, Any]:
    """How its cases differ from those of the last one that was done before it, or of the one of the same rubric that is named.

    Cases that are not over yet are left out. Refused where there is no other evaluation that the caller `sees`.
    """
    other = (Evaluation.id == before_id) if before_id else Evaluation.id.in_(_one_before(evaluation))
    found = _cases((Evaluation.rubric_id == evaluation.rubric_id) & ((Evaluation.id == evaluation.id) | other), sees)
    before_id = before_id or next((one for one in found if one != evaluation.id), "")
    if before_id not in found:
        raise Refused("invalid_parameter", "There is no such evaluation of this rubric to compare with.", field="with")
    before, after = (_over(found[one]) for one in (before_id, evaluation.id))
    compared = compare(_results(before), _results(after))
    both = {
        example: {"example_id": example, "before": before[example], "after": case}
        for example, case in after.items()
        if example in before
    }
    return {
        "rubric_name": evaluation.rubric_name,
        "evaluation_id": evaluation.id,
        "before_id": before_id,
        "worse": [both[example] for example in compared.worse],
        "better": [both[example] for example in compared.better],
        "unchanged": compared.unchanged,
        "without_counterpart": compared.without_counterpart,
    }


def _one_before(evaluation: Evaluation) -> Any:
    earlier = Evaluation.alias()
    same = (earlier.rubric_id == evaluation.rubric_id) & (earlier.agent_id == evaluation.agent_id)
    done = earlier.select(earlier.id).where(same, earlier.id < evaluation.id, earlier.status == DONE)
    return done.order_by(earlier.id.desc()).limit(1)


def _over(cases: Sequence[Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    """Those of the cases that are over, by the example."""
    return {case["example_id"]: case for case in cases if case["status"] in (SCORED, BROKEN)}


def _cases(condition: Any, sees: Sees) -> dict[str, list[dict[str, Any]]]:
    """The cases of some evaluations, in order, by the evaluation's id; one statement, whatever their number."""
    fields = (EvaluationCase.evaluation_id, Evaluation.project_id, *(getattr(EvaluationCase, name) for name in _SHOWN))
    whose = Evaluation.id == EvaluationCase.evaluation_id
    query = EvaluationCase.select(*fields).join_from(EvaluationCase, Evaluation, on=whose).where(condition)
    rows: Any = query.order_by(EvaluationCase.number).objects()
    found: dict[str, list[dict[str, Any]]] = {}
    for case in (row for row in rows if sees(row.project_id)):
        found.setdefault(case.evaluation_id, []).append({name: getattr(case, name) for name in _SHOWN})
    return found


def _results(cases: Mapping[str, Mapping[str, Any]]) -> dict[str, Result]:
    return {example: Result(case["verdict"], case["score"]) for example, case in cases.items()}


def _open_cases(evaluation_id: str) -> list[EvaluationCase]:
    mine = EvaluationCase.select().where(EvaluationCase.evaluation_id == evaluation_id)
    return list(mine.where(EvaluationCase.status.in_((WAITING, STARTED))).order_by(EvaluationCase.number))


def _next_look(still_open: Sequence[EvaluationCase]) -> datetime:
    moment = now()
    quiet = (moment - max(case.updated_at for case in still_open)).total_seconds()
    return moment + timedelta(seconds=min(max(quiet / 4, _SOONEST), _LATEST))


def _settle(app: "App", context: "JobContext", evaluation: Evaluation, rubric: Rubric, case: EvaluationCase) -> bool:
    """Score the output of the case's run, if that is over, and write what became of the case; False while it runs."""
    from .. import with_agents, with_executions

    over = with_executions.ended(case.execution_id or "")
    if over is None or context.should_stop():
        return False
    result = None
    if over.execution is not None and over.error is None:
        work = scoring.Work(case.input, over.execution.output, case.expected)
        patience = scoring.Patience(payer=with_agents.payer_of(over.execution))
        try:
            result = scoring.score(app, rubric, work, version=evaluation.rubric_version, patience=patience)
        except Refused as refused:
            _break(context, evaluation, case, refused)
            return True
    with records.database_of(EvaluationCase).transaction():
        if result is None or over.execution is None:
            _write(context, evaluation, case, {"status": BROKEN, "error": over.error})
        else:
            _write(context, evaluation, case, {"status": SCORED, "verdict": result["verdict"], "score": result["score"]})
            labels.keep(result, with_executions.origin_of(over.execution, evaluation.id))
    return True


def _start(app: "App", context: "JobContext", evaluation: Evaluation, case: EvaluationCase) -> bool:
    """Start the run of the case; False where it has to wait, or cannot run at all."""
    from .. import with_agents

    try:
        with records.database_of(EvaluationCase).transaction():
            execution_id = with_agents.start(app, evaluation, case.input)
            _write(context, evaluation, case, {"status": STARTED, "execution_id": execution_id})
    except Refused as refused:
        if not _passes(refused):
            _break(context, evaluation, case, refused)
        return False
    return True


def _passes(refused: Refused) -> bool:
    """Whether what refused a run may be over later: a full queue, a halt, a pause. What is archived is so for good."""
    meta = _problem_of(refused).meta or {}
    return refused.code == "queue_full" or (refused.code == "invalid_state" and meta.get("status") != "archived")


def _break(context: "JobContext", evaluation: Evaluation, case: EvaluationCase, refused: Refused) -> None:
    problem = _problem_of(refused)
    with records.database_of(EvaluationCase).transaction():
        _write(context, evaluation, case, {"status": BROKEN, "error": {"code": problem.code, "message": problem.message}})


def _problem_of(refused: Refused) -> Problem:
    return next(iter(refused.problems.values()))[0]


def _write(context: "JobContext", evaluation: Evaluation, case: EvaluationCase, values: Mapping[str, Any]) -> None:
    """Write what became of the case; the evaluation shows its cases, so that is a change of its own, too."""
    context.checkpoint()
    records.change(case, values)
    seen = evaluation.version
    records.compare_and_set(evaluation, {"version": seen}, {"version": seen + 1, "updated_at": now()})


def _finish(context: "JobContext", evaluation: Evaluation) -> None:
    cases = cases_of(evaluation)
    scores = [case["score"] for case in cases if case["score"] is not None]
    verdicts = dict(Counter(case["verdict"] or BROKEN for case in cases))
    score = round(sum(scores) / len(scores), 6) if scores else None
    with records.database_of(Evaluation).transaction():
        context.fence()
        records.change(evaluation, {"status": DONE, "score": score, "verdicts": verdicts, "finished_at": now()})
        emit("rubrics.evaluation_finished", evaluation, data={"score": score, "verdicts": verdicts})
        context.complete()
