"""Labels: people's verdicts on stored scores, and their agreement with judges."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aasim_core.data import records
from aasim_core.data.compiled import compiled
from aasim_core.data.statements import Bind
from aasim_core.errors import Refused, not_found
from aasim_core.events.log import Subject, emit
from aasim_core.ids import is_id

from .agreement import Agreement, agreement_of
from .models import Label, Rubric, Score

#: The agreement is that of the latest labels.
_MOST_LABELS = 1_000
_OF_A_CRITERION = ("key", "grader", "score", "verdict", "reason", "evidence")


@dataclass(frozen=True)
class Origin:
    """What made the output that was scored, as far as anything did."""

    execution_id: str | None = None
    agent_id: str | None = None
    agent_version: int | None = None
    project_id: str | None = None
    evaluation_id: str | None = None


def keep(result: Mapping[str, Any], origin: Origin) -> None:
    """Write the score of each criterion of a result, and the event, in the running transaction."""
    about = {"rubric_id": result["rubric_id"], "rubric_version": result["rubric_version"], **vars(origin)}
    rows = [Score(**about, **{name: each[name] for name in _OF_A_CRITERION}) for each in result["criteria"]]
    records.insert_rows(Score, [row.row() for row in rows])
    data = {"verdict": result["verdict"], "score": result["score"], "execution_id": origin.execution_id}
    emit("rubrics.scored", Subject("rubric", result["rubric_id"], result["name"]), data=data)


def find_score(rubric: Rubric, score_id: str) -> Score:
    """The rubric's score of that id; raises the one 404."""
    score: Score | None = records.find_or_none(Score, score_id) if is_id(score_id, "score") else None
    if score is None or score.rubric_id != rubric.id:
        raise not_found()
    return score


def label(score: Score, created_by: str, verdict: str, comment: str) -> Label:
    """Keep what somebody says of the score; saying something else replaces it. Refused ``invalid_state`` for what was not scored."""
    if score.verdict == "unscored":
        raise Refused("invalid_state", "The grader abstained, so there is nothing to agree with.")
    found = Label.get_or_none((Label.score_id == score.id) & (Label.created_by == created_by))
    said = {"verdict": verdict, "comment": comment}
    if found is None:
        found = records.create(Label, score_id=score.id, rubric_id=score.rubric_id, created_by=created_by, **said)
    else:
        records.change(found, said)
    emit("rubrics.labelled", found, data={"score_id": score.id, "verdict": verdict, "scored": score.verdict})
    labelled: Label = found
    return labelled


def agreement(rubric_id: str, version: int) -> Mapping[str, Agreement]:
    """How far each criterion of that version agrees with people, by its key; criteria without labels are left out."""
    pairs: dict[str, list[tuple[str, str]]] = {}
    for key, scored, said in _pairs.all(rubric_id=rubric_id, version=version):
        pairs.setdefault(key, []).append((scored, said))
    return {key: agreement_of(found) for key, found in pairs.items()}


@compiled(Label)
def _pairs() -> Any:
    both = Label.select(Score.key, Score.verdict, Label.verdict).join_from(Label, Score, on=Score.id == Label.score_id)
    mine = both.where(Label.rubric_id == Bind("rubric_id"), Score.rubric_version == Bind("version"))
    return mine.order_by(Label.created_at.desc()).limit(_MOST_LABELS)


def empty(execution_ids: Sequence[str]) -> None:
    """Delete the reasons and quotations in the scores of these runs. Needs a transaction."""
    Score.update(reason="", evidence=None).where(Score.execution_id.in_(execution_ids)).execute()


def forget(execution_ids: Sequence[str]) -> None:
    """Delete the scores of these runs, with what people said of them. Needs a transaction."""
    scores = Score.select(Score.id).where(Score.execution_id.in_(execution_ids))
    Label.delete().where(Label.score_id.in_(scores)).execute()
    Score.delete().where(Score.execution_id.in_(execution_ids)).execute()
