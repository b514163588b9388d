"""The endpoints of engine calls."""

from collections.abc import Mapping
from typing import Any, ClassVar

from aasim_core import Collection, Request, Response, operation
from aasim_core.lists.query import ListQuery

from . import schemas
from .correcting import correct
from .records import EngineCall


class Calls(Collection):
    """Calls: the usage and cost of each call of an engine, and their corrections."""

    record = EngineCall
    events = "engines"
    noun = "calls"
    node_field = "project_id"
    paths: ClassVar[Mapping[str, str]] = {
        "": "/engines/calls",
        "one": "/engines/calls/{call_id}",
        "correct": "/engines/calls/{call_id}/correct",
    }
    reply = schemas.CallOut()
    correct_body = schemas.CorrectionIn()
    permissions: ClassVar[Mapping[str, str]] = {"read": "read_calls"}
    query = ListQuery(
        schemas.CallOut(),
        filters=(
            "engine_id", "model", "outcome", "execution_id", "agent_id", "project_id", "api_key_id", "initiator_id", "corrects_id",
            "created_at",
        ),
        sorts=("created_at",),
    )  # fmt: skip
    operations: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "list": {"summary": "List the usage of engine calls, the latest first; the sum over all rows is the total usage."}
    }

    @operation("correct", body="correct_body", reply="reply", status=201, message="Call corrected.", refusals=("invalid_state",))
    def on_post_correct(self, req: Request, resp: Response, call_id: str) -> None:
        """Correct the usage of a {singular}.

        The difference becomes a row of its own, at the present time.
        """
        correction = correct(req.target, req.body)
        resp.location = self.location(correction)
        resp.media = self.present(correction)
