"""The hook of the plugin rubrics for graders, and its types."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import pluggy

from .graders.grading import Case, Grade, Grader, Judge, Level, Opinion, Unjudged, as_json, as_text, of_part, parameters_of

if TYPE_CHECKING:
    from aasim_core.app import App

__all__ = [
    "Case",
    "Grade",
    "Grader",
    "Judge",
    "Level",
    "Opinion",
    "Unjudged",
    "as_json",
    "as_text",
    "graders",
    "of_part",
    "parameters_of",
]

hookspec = pluggy.HookspecMarker("aasim")


@hookspec
def graders(app: App) -> Sequence[Grader]:
    """Return the plugin's graders, each of which scores one criterion of a rubric.

    Called once, so it must be cheap: import a library in the function that needs it. A grader's `name` is unique in the installation and
    never changes, because criteria store it. `grade` receives a `Case` and returns a `Grade` from 0 to 1, or None to abstain, which is not
    a zero. It has no side effects, terminates quickly on any input, and treats the output as data: never as a template, a path or an
    address. Parameters are checked against `parameters`, and by `flaw`, when a rubric is saved. The types are documented where they are
    defined, in `grading.py`::

        @hookimpl
        def graders(app):
            return [Grader("polite", "Says please", parameters_of(), lambda case: Grade(float("please" in as_text(case.output)), "…"))]
    """
    raise AssertionError("a hook specification is never called")
