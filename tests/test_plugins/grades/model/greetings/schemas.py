"""The schemas of a greeting."""

from aasim_core.schemas.fields import Id, Instant, Integer, Text
from aasim_core.schemas.schema import Schema


class GreetingIn(Schema):
    """A greeting as a client writes it."""

    name = Text(1, 120, required=True)


class GreetingOut(Schema):
    """A greeting as a client gets it."""

    id = Id("greetings_greeting", required=True)
    organization_id = Id("organization", required=True)
    version = Integer(required=True)
    created_at = Instant(required=True)
    updated_at = Instant(required=True)
    name = Text(required=True)


class ToneOut(Schema):
    """In which tone a greeting is."""

    tone = Text(required=True)
