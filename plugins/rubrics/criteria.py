"""Validation of criteria beyond their schema: their combination, and the graders' parameters."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from aasim_core.errors import Invalid, Problem
from aasim_core.text.suggestions import did_you_mean
from aasim_core.user_code import json_schema

from .graders.grading import Grader
from .service import graders_of

if TYPE_CHECKING:
    from aasim_core.app import App

#: How far from 1 the sum of the weights may be.
_TOLERANCE = 0.001


def refuse_flawed(app: "App", criteria: Sequence[Mapping[str, Any]]) -> None:
    """Invalid, with everything that is wrong, by the path of each field."""
    problems: dict[str, list[Problem]] = {}
    for path, problem in (*_flaws_together(criteria), *_flaws_each(app, criteria)):
        problems.setdefault(path, []).append(problem)
    if problems:
        raise Invalid(problems)


def _flaws_together(criteria: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, Problem]]:
    total = sum(criterion["weight"] for criterion in criteria)
    if abs(total - 1) > _TOLERANCE:
        yield "criteria", Problem("out_of_range", f"The weights add up to {total:g}; they must add up to 1.")
    counts = Counter(criterion["key"] for criterion in criteria)
    for number, criterion in enumerate(criteria):
        if counts[criterion["key"]] > 1:
            yield f"criteria[{number}].key", Problem("not_unique", "Another criterion has this key; give each its own.")


def _flaws_each(app: "App", criteria: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, Problem]]:
    graders = graders_of(app)
    for number, criterion in enumerate(criteria):
        place, grader = f"criteria[{number}]", graders.get(criterion["grader"])
        if grader is None:
            yield f"{place}.grader", Problem("invalid_choice", _told_of_no_grader(app, criterion["grader"], graders))
            continue
        yield from _flaws_in_parameters(f"{place}.parameters", grader, criterion["parameters"])
        if criterion["scale"] is not None and not grader.needs_model:
            yield f"{place}.scale", Problem("invalid_choice", "Only where a model judges there is a scale; leave this out.")


def _told_of_no_grader(app: "App", name: str, graders: Mapping[str, Grader]) -> str:
    if (plugin := app.offers.off_here("graders", name)) is not None:
        return app.features.explain_off(plugin, f"the grader {name}")
    advice = did_you_mean(name, graders) or f" There are {', '.join(sorted(graders))}."
    return f"No plugin brings this grader.{advice}"


def _flaws_in_parameters(place: str, grader: Grader, parameters: Mapping[str, Any]) -> Iterator[tuple[str, Problem]]:
    broken = json_schema.violations(grader.parameters, parameters)
    for path, message in broken:
        yield place if path == "_" else f"{place}.{path}", Problem("invalid_format", f"{grader.name}: {message}"[:500])
    flaw = None if broken else grader.flaw(parameters)
    if flaw is not None:
        yield f"{place}.{flaw[0]}", Problem("invalid_format", flaw[1])
