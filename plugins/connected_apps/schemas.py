"""Requests and responses of connected apps."""

from aasim_core.schemas.fields import Boolean, Choice, Id, Instant, Integer, Json, ListOf, Object, Patterned, Text
from aasim_core.schemas.schema import RecordOut, Schema

from .connecting import AUTH_TYPES, EFFECTS, ERROR_CODES
from .models import STATES
from .operations.probing import STEPS

NAME = Text(1, 120, required=True, description="Unique in the organization.", example="Orders")
_DIGEST_FORM = ("[0-9a-f]{64}", "the digest of an operation, 64 hexadecimal digits")
_DIGEST = Patterned(*_DIGEST_FORM, max_length=64)
_DIGEST_EXAMPLE = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"


class ShareIn(Schema):
    """Somebody who may see and use the app, if they have the permissions for connected apps."""

    type = Choice(
        "node", "team", "user", required=True, description="node: a branch, department or project, with everything in it."
    )
    id = Id(required=True)


class ConnectedAppIn(Schema):
    """A connected app in a request."""

    name = NAME
    description = Text(max_length=2_000, multiline=True, load_default="")
    provider = Text(
        1, 64, required=True, description="Its connector: http, oauth2, mcp, smtp, or a plugin's own.", example="http"
    )
    auth_type = Choice(*AUTH_TYPES, required=True, description="One of the connector's authentication types.")
    config = Json(object_only=True, required=True, max_depth=24, description="The connector's configuration, without secrets.")
    credentials = Json(
        object_only=True, allow_none=True, load_default=None, load_only=True, description="Stored encrypted, never shown again."
    )
    scopes = ListOf(
        Text(1, 200), 100, unique=True, load_default=list, description="The requested OAuth scopes.", example=["orders.read"]
    )
    shared_with = ListOf(Object(ShareIn), 50, unique=True, load_default=list)
    project_id = Id("project", allow_none=True, load_default=None, description="null is the whole organization.")


class ErrorOut(Schema):
    """The last error."""

    code = Choice(*ERROR_CODES, required=True)
    message = Text(max_length=500, multiline=True, required=True)
    occurred_at = Instant(required=True)


class UserOut(Schema):
    """A user of the app."""

    type = Text(required=True, example="agent")
    id = Id(required=True)
    label = Text(required=True)
    field = Text(required=True, example="tools")


class ConnectedAppOut(RecordOut):
    """A connected app in a response."""

    id = Id("capp", required=True)
    name = Text(required=True)
    description = Text(max_length=2_000, multiline=True, required=True)
    provider = Text(required=True)
    auth_type = Choice(*AUTH_TYPES, required=True)
    status = Choice(*STATES, required=True)
    scopes = ListOf(Text(), required=True, example=["orders.read"])
    expires_at = Instant(allow_none=True, required=True, description="When the token expires.")
    config = Json(object_only=True, required=True)
    has_credentials = Boolean(required=True)
    shared_with = ListOf(Object(ShareIn), required=True)
    project_id = Id("project", allow_none=True, required=True)
    halted_at = Instant(allow_none=True, required=True, description="Since when it is halted; null if it is not.")
    synced_at = Instant(allow_none=True, required=True, description="When its operations were last refreshed.")
    last_used_at = Instant(allow_none=True, required=True)
    last_error = Object(ErrorOut, allow_none=True, required=True)
    used_by = ListOf(
        Object(UserOut), required=True, description="Objects that depend on it and that you may see: at most twenty."
    )
    used_by_count = Integer(required=True, description="How many depend on it, including those that you may not see.")


class OperationOut(RecordOut):
    """An operation of the app."""

    id = Id("cappop", required=True)
    name = Text(required=True, description="Agents use it as the tool app:<id of the app>/<name>.")
    description = Text(max_length=4_000, multiline=True, required=True)
    parameters = Json(object_only=True, required=True, description="The JSON Schema of the arguments.")
    effect = Choice(*EFFECTS, required=True)
    told_effect = Choice(
        *EFFECTS, allow_none=True, required=True, description="The app's own statement, if the effect was overridden."
    )
    idempotent = Boolean(required=True)
    digest = Text(
        required=True,
        description="SHA-256 of everything that agents are told about it.",
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
    """The result of a test."""

    ok = Boolean(required=True)
    steps = ListOf(Object(StepOut), required=True)


class AuthorizationOut(Schema):
    """The address for the person who authorizes the app."""

    url = Text(max_length=8_000, required=True, example="https://accounts.example.com/authorize?state=…")
    expires_at = Instant(required=True)


class CallbackIn(Schema):
    """The query of a provider's redirect; other parameters are ignored."""

    tolerant = True
    state = Text(1, 1_000, required=True)
    code = Text(1, 4_000)
    error = Text(1, 200)


class CallbackOut(Schema):
    """The result; it does not reveal whose app it is, because anyone may open the address."""

    allowed = Boolean(required=True, description="Whether the provider returned a code, which is now exchanged for tokens.")


class ConfirmIn(Schema):
    """The operations that agents may use, in the form that was read."""

    digests = ListOf(_DIGEST, 200, unique=True, required=True, example=[_DIGEST_EXAMPLE])


class EffectIn(Schema):
    """The effect of an operation, in the form that was read."""

    digest = Patterned(*_DIGEST_FORM, max_length=64, required=True, example=_DIGEST_EXAMPLE)
    effect = Choice(*EFFECTS, allow_none=True, required=True, description="null: the app's own statement.")
