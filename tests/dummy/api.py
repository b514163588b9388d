"""The endpoints of greetings."""

from collections.abc import Mapping
from typing import ClassVar

from aasim_core import Collection
from aasim_core.lists.query import ListQuery

from . import schemas
from .models import Greeting


class Greetings(Collection):
    """The usual five verbs."""

    record = Greeting
    events = "dummy"
    paths: ClassVar[Mapping[str, str]] = {"": "/dummy", "one": "/dummy/{greeting_id}"}
    body = schemas.GreetingIn()
    reply = schemas.GreetingOut()
    unique = ("name",)
    query = ListQuery(schemas.GreetingOut(), filters=("name", "created_at"), sorts=("created_at", "name"), search=("name",))
