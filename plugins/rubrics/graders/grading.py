"""The types of graders: a case, its grade, and the grader itself."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

import orjson

from aasim_core import PartShape, Refused

from ...engines.hookspecs import Cancelled, EngineError

if TYPE_CHECKING:
    from ...engines.hookspecs import Message

#: The JSON Schema of the parameter `at`, which the graders that look at one part of an output have.
AT = {"type": "string", "pattern": "^(/[^/]*)+$", "maxLength": 200}
#: A text that graders compare or look for.
TEXT = {"type": "string", "minLength": 1, "maxLength": 10_000}


class Unjudged(Exception):
    """No model could judge; the text is a sentence that says why."""


@dataclass(frozen=True)
class Opinion:
    """What the judge's model said: the `text` of its reply, and which engine and model said it."""

    text: str
    engine_id: str
    model: str


class Judge(Protocol):
    """The rubric's judge: asks its engine at temperature 0, with the text bound to a JSON Schema; raises `Unjudged`."""

    def __call__(self, messages: Sequence["Message"], schema: Mapping[str, Any]) -> Opinion: ...


def no_judge(messages: Sequence["Message"], schema: Mapping[str, Any]) -> Opinion:
    """The judge of a rubric that names none."""
    raise Unjudged("The rubric names no engine that judges; set judge_engine_id.")


@dataclass(frozen=True)
class Level:
    """A step of a judge's scale: the score from 0 to 1, and what it looks like."""

    score: float
    meaning: str


@dataclass(frozen=True)
class Case:
    """What is graded: an `output` for an `input`, both JSON values, with the criterion's `parameters` and `scale`.

    `expected` is what would have been right, where somebody said so (`has_expected`).
    """

    input: Any
    output: Any
    parameters: Mapping[str, Any]
    expected: Any = None
    has_expected: bool = False
    scale: Sequence[Level] = ()
    judge: Judge = no_judge


@dataclass(frozen=True)
class Grade:
    """A score from 0 to 1, or None where the grader abstains; the reason in a sentence, and what it rests on (a JSON value)."""

    score: float | None
    reason: str
    evidence: Any = None


def _no_flaw(_parameters: Mapping[str, Any]) -> tuple[str, str] | None:
    return None


@dataclass(frozen=True)
class Grader:
    """A way to grade. `name` is what criteria hold; it is unique in the installation, lower_snake, and never changes.

    `parameters` is the JSON Schema of a criterion's parameters; `flaw` says what no schema can see, as the parameter and a sentence.
    `grade` must end soon, whatever it is given, and has no effect. One that `needs_model` uses `Case.judge` and `Case.scale`.
    """

    foreseen: ClassVar = (Unjudged, Refused, EngineError, Cancelled)
    unhurried: ClassVar = ("grade",)
    shown: ClassVar = PartShape(title="title", schemas=("parameters",), facts=("needs_model",))

    name: str
    title: str
    parameters: Mapping[str, Any]
    grade: Callable[[Case], Grade]
    needs_model: bool = False
    flaw: Callable[[Mapping[str, Any]], tuple[str, str] | None] = _no_flaw


def parameters_of(*required: str, **properties: Any) -> dict[str, Any]:
    """The JSON Schema of parameters that has these properties, and no other ones."""
    return {"type": "object", "properties": properties, "required": list(required), "additionalProperties": False}


class Nowhere(Exception):
    """The output has nothing where the parameter `at` says."""


def part_of(case: Case) -> Any:
    """The output, or the part of it that the parameter `at` (a JSON pointer, RFC 6901) leads to; raises `Nowhere`."""
    pointer = case.parameters.get("at")
    if pointer is None:
        return case.output
    value = as_json(case.output)
    for step in pointer.split("/")[1:]:
        value = _below(value, step.replace("~1", "/").replace("~0", "~"))
    return value


def _below(value: Any, step: str) -> Any:
    if isinstance(value, dict) and step in value:
        return value[step]
    if isinstance(value, list) and step.isdecimal() and int(step) < len(value):
        return value[int(step)]
    raise Nowhere


def as_json(value: Any) -> Any:
    """The JSON value that a text holds, or else the value itself."""
    if not isinstance(value, str):
        return value
    try:
        return orjson.loads(value)
    except ValueError:
        return value


def as_text(value: Any) -> str:
    """The value as text: JSON, unless it is one."""
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def of_part(grade: Callable[[Case, Any], Grade]) -> Callable[[Case], Grade]:
    """A grader's function for one that looks at a part: where there is nothing, the score is 0."""

    def graded(case: Case) -> Grade:
        try:
            part = part_of(case)
        except Nowhere:
            return Grade(0.0, f"The output has nothing at {case.parameters['at']}.")
        return grade(case, part)

    return graded
