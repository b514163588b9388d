"""Score one output by one rubric: each criterion's grader, then the verdict."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from aasim_core import PluginFault
from aasim_core.text.json import to_json

from ..engines import service as engines
from ..engines.hookspecs import NOBODY, EngineError, Message, Payer, ShouldCancel, never_cancel
from . import labels
from .graders.grading import Case, Grade, Judge, Level, Opinion, Unjudged, no_judge
from .models import Rubric
from .service import definition_at, graders_of
from .verdict import Mark, Rule, outcome_of, passes

if TYPE_CHECKING:
    from aasim_core.app import App

#: How long a judge may take over one criterion.
_JUDGE_SECONDS = 60
_LONGEST_REASON = 2_000
_LARGEST_EVIDENCE = 16_384
#: What generates the judge's opinion, whatever its engine's own parameters say.
_SOBER = {"temperature": 0, "max_output_tokens": 800}


@dataclass(frozen=True)
class Work:
    """The work to score: an output for an input, and the correct answer (None if unknown)."""

    input: Any
    output: Any
    expected: Any = None


def _go_on() -> None:
    """Nothing speaks against the next criterion."""


@dataclass(frozen=True)
class Patience:
    """The limits of scoring: `check` may raise before and after each criterion, and a judge raises `Cancelled` once it `should_cancel`.

    Judges are called on behalf of the `payer`; a meter's refusal is raised, and `on_spent` and `write_soon` are those of `engines.ask`.
    They have `seconds_left`, each a minute at most. If somebody `waits`, an unavailable judge raises its engine's error unless its rubric
    only records: no result passes a gate because its judge was unavailable.
    """

    check: Callable[[], None] = _go_on
    should_cancel: ShouldCancel = never_cancel
    payer: Payer = NOBODY
    on_spent: engines.OnSpent = engines.ignore_spent
    write_soon: engines.WriteSoon | None = None
    seconds_left: Callable[[], float] = lambda: _JUDGE_SECONDS
    waits: bool = False


def score(
    app: "App", rubric: Rubric, work: Work, *, version: int | None = None, patience: Patience = Patience()
) -> dict[str, Any]:
    """Score the work by a version of the rubric, or its current one, and return the result as a JSON value (see ``ResultOut``).

    Call it outside of transactions: a judge is called over the network.
    """
    number = version or rubric.rubric_version
    definition = definition_at(rubric, number)
    waits = patience.waits and definition["on_fail"] != "record"
    judge = judge_of(app, definition["judge_engine_id"], replace(patience, waits=waits))
    found = []
    for criterion in definition["criteria"]:
        patience.check()
        found.append(_result(criterion, _grade(app, criterion, work, judge), definition["threshold"]))
    patience.check()
    outcome = outcome_of([Mark(each["weight"], each["score"], each["must_pass"]) for each in found], _rule(definition))
    on_fail, notes = _gate(app, rubric, number, definition)
    return {
        "rubric_id": rubric.id,
        "rubric_version": number,
        "name": rubric.name,
        "verdict": outcome.verdict,
        "score": outcome.score,
        "coverage": outcome.coverage,
        "on_fail": on_fail,
        "notes": notes,
        "criteria": found,
    }


def judge_of(app: "App", engine_id: str | None, patience: Patience = Patience()) -> Judge:
    """The judge that asks this engine, or one of its fallbacks that can judge too."""
    if engine_id is None:
        return no_judge

    def ask(messages: Sequence[Message], schema: Mapping[str, Any]) -> Opinion:
        _require_judge(engine_id)
        try:
            answer = engines.ask(
                app,
                engine_id,
                messages,
                layers=(_SOBER,),
                schema=schema,
                timeout_seconds=min(_JUDGE_SECONDS, patience.seconds_left()),
                payer=patience.payer,
                on_spent=patience.on_spent,
                write_soon=patience.write_soon,
                should_cancel=patience.should_cancel,
            )
        except EngineError as error:
            if patience.waits and error.retryable:
                raise
            raise Unjudged(f"The judge gave no answer: {error.message}.") from error
        if answer.engine_id != engine_id:
            _require_judge(answer.engine_id)
        return Opinion(answer.reply.text, answer.engine_id, answer.reply.raw_model)

    return ask


def _require_judge(engine_id: str) -> None:
    engine = engines.find_or_none(engine_id)
    if engine is None or not engine.can.judge:
        raise Unjudged("The engine is not trusted to judge, or is not there any more; choose another judge_engine_id.")


def _grade(app: "App", criterion: Mapping[str, Any], work: Work, judge: Judge) -> Grade:
    """Return the grade of the criterion's grader; a disabled or failing one abstains."""
    grader = graders_of(app).get(criterion["grader"])
    if grader is None:
        plugin = app.offers.off_here("graders", criterion["grader"])
        off = f"The plugin {plugin}, which provides the grader {criterion['grader']}, is disabled for the organization."
        return Grade(None, off if plugin else f"The plugin that provides the grader {criterion['grader']} is disabled.")
    case = Case(
        input=work.input,
        output=work.output,
        parameters=criterion["parameters"],
        expected=work.expected,
        has_expected=work.expected is not None,
        scale=tuple(Level(**level) for level in criterion["scale"] or ()),
        judge=judge,
    )
    try:
        with app.offers.containing("graders", grader.name):
            return _checked(grader.grade(case))
    except Unjudged as error:
        return Grade(None, str(error))
    except PluginFault as fault:
        return Grade(None, f"The plugin {fault.plugin} failed in its grader {grader.name}.")


def _checked(grade: Grade) -> Grade:
    """The grade, if it is one: TypeError for another value, ValueError for a score that is none."""
    if not isinstance(grade, Grade):
        raise TypeError("a grader returns a Grade")
    if grade.score is not None and not (math.isfinite(grade.score) and 0 <= grade.score <= 1):
        raise ValueError(f"a score is from 0 to 1, not {grade.score}")
    if len(to_json(grade.evidence)) > _LARGEST_EVIDENCE:
        return Grade(grade.score, grade.reason, None)
    return grade


def _result(criterion: Mapping[str, Any], grade: Grade, threshold: float) -> dict[str, Any]:
    verdict = "unscored" if grade.score is None else "pass" if passes(grade.score, threshold) else "fail"
    told = {name: criterion[name] for name in ("key", "grader", "weight", "must_pass")}
    return {
        **told,
        "score": grade.score,
        "verdict": verdict,
        "reason": grade.reason[:_LONGEST_REASON],
        "evidence": grade.evidence,
    }


def _rule(definition: Mapping[str, Any]) -> Rule:
    return Rule(definition["aggregation"], definition["threshold"], definition["min_coverage"])


def _gate(app: "App", rubric: Rubric, number: int, definition: Mapping[str, Any]) -> tuple[str, list[str]]:
    """What becomes of a result that fails, and why it is not what the rubric says."""
    graders = graders_of(app)
    judged = {each["key"] for each in definition["criteria"] if (by := graders.get(each["grader"])) and by.needs_model}
    if definition["on_fail"] == "record" or not judged:
        return definition["on_fail"], []
    found = labels.agreement(rubric.id, number)
    unreliable = sorted(key for key in judged if key in found and not found[key].may_gate)
    notes = [
        f"The judge of {key} agrees too little with people (kappa {found[key].kappa:.2f}), so on_fail is record."
        for key in unreliable
    ]
    return "record" if unreliable else definition["on_fail"], notes
