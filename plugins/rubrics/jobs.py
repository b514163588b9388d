"""The background job that runs evaluations."""

from collections.abc import Mapping
from typing import Any

from aasim_core import App, Job, JobContext

from .evaluations import running as evaluations

_UNFORESEEN = "Something went wrong on our side; tell the operator the evaluation's id."


def evaluate(app: App) -> Job:
    """Runs and scores the examples of an evaluation, a few at a time."""

    def take_turn(context: JobContext, payload: Mapping[str, Any]) -> None:
        evaluations.take_turn(app, context, payload["evaluation_id"])

    return Job(
        evaluations.JOB,
        take_turn,
        time_limit=1_800,
        halts=True,
        on_giving_up=lambda payload, *_: evaluations.give_up(payload["evaluation_id"], _UNFORESEEN),
    )
