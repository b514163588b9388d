"""Operations on rubrics: versions, examples, and scoring of agents' outputs."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from aasim_core.clock import now
from aasim_core.context import current_actor, current_organization
from aasim_core.data import records
from aasim_core.data.compiled import compiled
from aasim_core.data.references import hold, refuse_in_use
from aasim_core.data.statements import Bind
from aasim_core.errors import Invalid, Problem, Refused, not_found
from aasim_core.events.log import emit
from aasim_core.ids import is_id
from aasim_core.tenancy import epoch

from ..engines import service as engines
from .graders.grading import Grader
from .graders.judge import GRADER as LLM_JUDGE
from .graders.judge import NAME as JUDGE
from .graders.of_data import GRADERS as OF_DATA
from .graders.of_text import GRADERS as OF_TEXT
from .models import DEFINITION, DISABLED, Example, Rubric, RubricVersion

if TYPE_CHECKING:
    from collections.abc import Iterable

    from aasim_core.app import App
    from aasim_core.data.records import Row

MOST_EXAMPLES = 200
BUNDLED = (*OF_TEXT, *OF_DATA, LLM_JUDGE)


def graders_of(app: "App") -> Mapping[str, Grader]:
    """The graders that the organization in scope has, by name."""
    return app.offers.here("graders")


def find_rubric(engine_id: str, rubric_id: str) -> Rubric:
    """The engine's rubric of that id, unless it is deleted; raises the one 404."""
    rubric: Rubric | None = records.find_or_none(Rubric, rubric_id) if is_id(rubric_id, "rubric") else None
    if rubric is None or rubric.deleted_at is not None or rubric.engine_id != engine_id:
        raise not_found()
    return rubric


def definition_of(rubric: Rubric) -> dict[str, Any]:
    """The rubric's definition as it is now."""
    return {name: getattr(rubric, name) for name in DEFINITION}


def create(engine_id: str, values: Mapping[str, Any]) -> Rubric:
    """Write a new rubric of the engine, with the first version of its definition."""
    epoch.bump(current_organization())
    rubric: Rubric = records.create(Rubric, **values, engine_id=engine_id)
    _add_version(rubric)
    emit("rubrics.created", rubric)
    return rubric


def change(rubric: Rubric, values: Mapping[str, Any]) -> Rubric:
    """Write what differs; a change of the definition makes a new version."""
    different = {name for name, value in values.items() if value != getattr(rubric, name)}
    if different:
        epoch.bump(current_organization())
    if different.intersection(DEFINITION):
        values = {**values, "rubric_version": rubric.rubric_version + 1}
    changed = records.change(rubric, values)
    if "rubric_version" in changed:
        _add_version(rubric)
    if changed:
        emit("rubrics.updated", rubric, changes=changed)
    return rubric


def remove(models: "Iterable[type[Row]]", rubric: Rubric) -> None:
    """Take the rubric out of every list; its versions and scores stay. Refused ``in_use`` while an agent names it."""
    epoch.bump(current_organization())
    refuse_in_use(models, "rubric", rubric.id)
    records.change(rubric, {"deleted_at": now(), "status": DISABLED})
    emit("rubrics.deleted", rubric)


def require_engines(engine_id: str, judge_engine_id: str | None) -> None:
    """The engine of a rubric, and the one that judges, must be there, and stay until the running transaction ends."""
    hold(Rubric, filter(None, (engine_id, judge_engine_id)))
    if engines.find_or_none(engine_id) is None:
        raise not_found()
    refuse_bad_judge(judge_engine_id)


def refuse_bad_judge(engine_id: str | None) -> None:
    """Invalid for an engine that does not exist, or whose model is not trusted to judge."""
    if engine_id is None:
        return
    engine = engines.find_or_none(engine_id)
    if engine is None:
        raise Invalid({"judge_engine_id": [Problem("invalid_reference", "There is no such engine; see GET /engines.")]})
    if not engine.can.judge:
        message = f"The engine {engine.name} is not trusted to judge (its capabilities say judge: false); choose another one."
        raise Invalid({"judge_engine_id": [Problem("invalid_choice", message)]})


def warnings_about(engine_id: str, judge_engine_id: str | None, criteria: Sequence[Mapping[str, Any]]) -> list[str]:
    """What is allowed, and seldom meant."""
    judged = [criterion["key"] for criterion in criteria if criterion["grader"] == JUDGE]
    found = []
    if judge_engine_id == engine_id:
        found.append("The engine judges its own work; models are lenient with what they wrote. Choose another judge_engine_id.")
    if judged and judge_engine_id is None:
        found.append(f"No engine judges, so {', '.join(judged)} will not be scored; set judge_engine_id."[:300])
    return found


def definition_at(rubric: Rubric, number: int) -> dict[str, Any]:
    """The definition of one version of the rubric."""
    if number == rubric.rubric_version:
        return definition_of(rubric)
    return dict(RubricVersion.get((RubricVersion.rubric_id == rubric.id) & (RubricVersion.number == number)).definition)


def add_example(rubric: Rubric, values: Mapping[str, Any]) -> Example:
    """Attach an example; Refused ``conflict`` for one more than there may be."""
    if _examples_of(rubric.id) >= MOST_EXAMPLES:
        meta = {
            "limit": "examples", "scope": "rubric", "scope_id": rubric.id, "used": MOST_EXAMPLES, "max": MOST_EXAMPLES,
            "resets_at": None,
        }  # fmt: skip
        raise Refused("conflict", f"A rubric has at most {MOST_EXAMPLES} examples; delete one first.", meta=meta)
    example: Example = records.create(Example, **{**values, "rubric_id": rubric.id, "engine_id": rubric.engine_id})
    emit("rubrics.example_created", example)
    return example


def change_example(example: Example, values: Mapping[str, Any]) -> Example:
    """Write what differs."""
    changed = records.change(example, values)
    if changed:
        emit("rubrics.example_updated", example, data={"fields": sorted(changed)})
    return example


def remove_example(example: Example) -> None:
    """Delete the example; evaluations retain theirs."""
    records.remove(example)
    emit("rubrics.example_deleted", example)


def _examples_of(rubric_id: str) -> int:
    return len(_example_ids.all(rubric_id=rubric_id))


@compiled(Example)
def _example_ids() -> Any:
    return Example.select(Example.id).where(Example.rubric_id == Bind("rubric_id")).limit(MOST_EXAMPLES)


def _add_version(rubric: Rubric) -> None:
    records.create(
        RubricVersion,
        rubric_id=rubric.id,
        number=rubric.rubric_version,
        definition=definition_of(rubric),
        created_by=current_actor().id,
    )
