"""What clients write about connected apps, and what they get."""

from aasim_core.schemas.fields import Boolean, Choice, Id, Instant, Integer, Json, ListOf, Object, Patterned, Text
from aasim_core.schemas.schema import RecordOut, Schema

from .connecting import AUTH_TYPES, EFFECTS, ERROR_CODES
from .models import STATES
from .probing import STEPS

NAME = Text(1, 120, required=True, description="Unique in the organization.", example="Orders")
_DIGEST_FORM = ("[0-9a-f]{64}", "the digest of an operation, 64 hexadecimal digits")
_DIGEST = Patterned(*_DIGEST_FORM, max_length=64)
_DIGEST_EXAMPLE = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"


class ShareIn(Schema):
    """Somebody who may see and use the app, as far as they may see and use connected apps at all."""

    type = Choice("node", "team", "user", required=True, description="node: a branch, department or project, and what is in it.")
    id = Id(required=True)


class ConnectedAppIn(Schema):
    """A connected app as a client writes it."""

    name = NAME
    description = Text(max_length=2_000, multiline=True, load_default="")
    provider = Text(
        1, 64, required=True, description="Its connector: http, oauth2, mcp, smtp, or a plugin's own.", example="http"
    )
    auth_type = Choice(*AUTH_TYPES, required=True, description="One of those that the connector takes.")
    config = Json(object_only=True, required=True, max_depth=24, description="What the connector has to know, without secrets.")
    credentials = Json(
        object_only=True, allow_none=True, load_default=None, load_only=True, description="Kept encrypted, never shown again."
    )
    scopes = ListOf(
        Text(1, 200), 100, unique=True, load_default=list, description="What is asked for, with OAuth.", example=["orders.read"]
    )
    shared_with = ListOf(Object(ShareIn), 50, unique=True, load_default=list)
    project_id = Id("project", allow_none=True, load_default=None, description="null is the whole organization.")


class ErrorOut(Schema):
    """What went wrong last."""

    code = Choice(*ERROR_CODES, required=True)
    message = Text(max_length=500, multiline=True, required=True)
    occurred_at = Instant(required=True)


class UserOut(Schema):
    """Something that uses the app."""

    type = Text(required=True, example="agent")
    id = Id(required=True)
    label = Text(required=True)
    field = Text(required=True, example="tools")


class ConnectedAppOut(RecordOut):
    """A connected app as a client gets it."""

    id = Id("capp", required=True)
    name = Text(required=True)
    description = Text(max_length=2_000, multiline=True, required=True)
    provider = Text(required=True)
    auth_type = Choice(*AUTH_TYPES, required=True)
    status = Choice(*STATES, required=True)
    scopes = ListOf(Text(), required=True, example=["orders.read"])
    expires_at = Instant(allow_none=True, required=True, description="When the token ends.")
    config = Json(object_only=True, required=True)
    has_credentials = Boolean(required=True)
    shared_with = ListOf(Object(ShareIn), required=True)
    project_id = Id("project", allow_none=True, required=True)
    halted_at = Instant(allow_none=True, required=True, description="Since when no call goes out, if it is halted.")
    synced_at = Instant(allow_none=True, required=True, description="When it was last read what the app can do.")
    last_used_at = Instant(allow_none=True, required=True)
    last_error = Object(ErrorOut, allow_none=True, required=True)
    used_by = ListOf(Object(UserOut), required=True, description="What would be missing something, and you see: at most twenty.")
    used_by_count = Integer(required=True, description="How many use it, with those that you do not see.")


class OperationOut(RecordOut):
    """Something that the app can do."""

    id = Id("cappop", required=True)
    name = Text(required=True, description="Agents have it as the tool app:<id of the app>/<name>.")
    description = Text(max_length=4_000, multiline=True, required=True)
    parameters = Json(object_only=True, required=True, description="The JSON Schema of the arguments.")
    effect = Choice(*EFFECTS, required=True)
    told_effect = Choice(
        *EFFECTS, allow_none=True, required=True, description="What the app says, if somebody set another effect."
    )
    idempotent = Boolean(required=True)
    digest = Text(
        required=True,
        description="SHA-256 of all that agents are told of it.",
        example="9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    )
    confirmed = Boolean(required=True, description="Whether agents may use it.")


class UseOut(RecordOut):
    """One use of the app."""

    id = Id("cappuse", required=True)
    execution_id = Id("exec", allow_none=True, required=True)
    step = Text(allow_none=True, required=True)
    operation = Text(required=True, example="read_order")
    status = Choice("succeeded", "failed", "refused", required=True, description="refused: nothing was sent.")
    code = Choice(*ERROR_CODES, allow_none=True, required=True, description="Why it failed.")
    duration_ms = Integer(required=True)


class StepOut(Schema):
    """One step of a test."""

    step = Choice(*STEPS, required=True)
    status = Choice("passed", "failed", "skipped", required=True)
    duration_ms = Integer(required=True)
    message = Text(max_length=1_000, multiline=True, allow_none=True, required=True)


class TestOut(Schema):
    """How a test went."""

    ok = Boolean(required=True)
    steps = ListOf(Object(StepOut), required=True)


class AuthorizationOut(Schema):
    """Where to send the person who allows the app to be used."""

    url = Text(max_length=8_000, required=True, example="https://accounts.example.com/authorize?state=…")
    expires_at = Instant(required=True)


class CallbackIn(Schema):
    """What providers send people back with; what else they add is left alone."""

    tolerant = True
    state = Text(1, 1_000, required=True)
    code = Text(1, 4_000)
    error = Text(1, 200)


class CallbackOut(Schema):
    """What became of it; whose app it is, is nobody's business who only has the address."""

    allowed = Boolean(required=True, description="Whether the provider gave a code, of which tokens are made now.")


class ConfirmIn(Schema):
    """The operations that agents may use, in the form in which somebody has read them."""

    digests = ListOf(_DIGEST, 200, unique=True, required=True, example=[_DIGEST_EXAMPLE])


class EffectIn(Schema):
    """What an operation does, in the form in which somebody has read it."""

    digest = Patterned(*_DIGEST_FORM, max_length=64, required=True, example=_DIGEST_EXAMPLE)
    effect = Choice(*EFFECTS, allow_none=True, required=True, description="null: what the app says.")
