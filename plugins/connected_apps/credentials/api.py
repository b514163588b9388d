"""The endpoint to which providers redirect people who have authorized an app."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

from aasim_core import Request, Resource, Response, operation
from aasim_core.errors import Refused
from aasim_core.http.operations import PUBLIC

from .. import schemas
from . import authorizing

if TYPE_CHECKING:
    from aasim_core import App


class Callback(Resource):
    """The redirect address for providers."""

    paths: ClassVar[Mapping[str, str]] = {"": authorizing.CALLBACK}
    query = schemas.CallbackIn()
    reply = schemas.CallbackOut()

    def __init__(self, app: "App") -> None:
        self.app = app

    @operation(PUBLIC, query="query", reply="reply", verb="callback", message="Thank you. You can close this window.")
    def on_get(self, req: Request, resp: Response) -> None:
        """Receive a provider's response to an authorization.

        The app is connected a moment later.
        """
        code, error = req.query.get("code"), req.query.get("error")
        if (code is None) == (error is None):
            raise Refused("invalid_parameter", "The provider sends either code or error.", field="code")
        authorizing.take_answer(self.app, req.query["state"], code, error)
        resp.media = {"allowed": code is not None}
