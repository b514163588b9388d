"""The endpoints of greetings."""

from collections.abc import Mapping
from typing import ClassVar

from aasim_core import Collection, Request, Response, operation
from aasim_core.lists.query import ListQuery

from . import schemas
from .models import Greeting


class Greetings(Collection):
    """Greetings."""

    record = Greeting
    events = "greetings"
    paths: ClassVar[Mapping[str, str]] = {
        "": "/greetings",
        "one": "/greetings/{greeting_id}",
        "tone": "/greetings/{greeting_id}/tone",
    }
    body = schemas.GreetingIn()
    reply = schemas.GreetingOut()
    unique = ("name",)
    query = ListQuery(schemas.GreetingOut(), filters=("name",), sorts=("created_at", "name"), search=("name",))

    @operation("read", reply=schemas.ToneOut(), message="Tone read.")
    def on_get_tone(self, req: Request, resp: Response, greeting_id: str) -> None:
        """Read in which tone a greeting is."""
        resp.media = {"tone": "loud" if req.target.name.isupper() else "low"}
