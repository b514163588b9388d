"""The error codes of the API: the declaration that plugins use too, and the core's own codes."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any


class ErrorCode(str):
    """A machine-readable error code: its name, HTTP status and meaning.

    `when` completes "if …", such as "the budget is used up"; `advice` says what the sender should do. `example` is a sample message; the
    API reference shows it at `field`, ``"_"`` for an error without a field, with the facts in `meta`. A plugin returns its codes from the
    hook `error_codes`, and raises ``Refused(CODE, "…")`` with the object itself.
    """

    __slots__ = ("advice", "example", "field", "meta", "status", "when")

    def __new__(
        cls,
        name: str,
        status: int,
        when: str,
        advice: str,
        *,
        example: str,
        field: str = "_",
        meta: Mapping[str, Any] | None = None,
    ) -> "ErrorCode":
        """Create the code; its texts are for the documentation."""
        code = super().__new__(cls, name)
        code.status, code.when, code.advice, code.example, code.field, code.meta = status, when, advice, example, field, meta
        return code

    status: int
    when: str
    advice: str
    example: str
    field: str
    meta: Mapping[str, Any] | None

    def __repr__(self) -> str:
        return f'ErrorCode("{self}", {self.status}, "{self.when}", …)'

    def __getnewargs_ex__(self) -> tuple[tuple[Any, ...], dict[str, Any]]:
        return (str(self), self.status, self.when, self.advice), {"example": self.example, "field": self.field, "meta": self.meta}


#: The `meta` of any exceeded limit, in examples.
LIMIT = {"scope": "organization", "scope_id": "organization_01h455vb4pex5vsknk084sn02q", "resets_at": "2026-02-01T00:00:00.000Z"}
_ALL: tuple[ErrorCode, ...] = (
    ErrorCode("malformed_json", 400, "the body is empty where it must not be, not UTF-8, or not JSON",
              "send one JSON object in UTF-8",
              example="The body is not JSON: unexpected end of data at line 1, column 12."),
    ErrorCode("duplicate_key", 400, "an object has a key twice", "name each key once", example='The key "name" is there twice.'),
    ErrorCode("nesting_too_deep", 400, "lists and objects are nested deeper than 32", "send what is flatter",
              example="Lists and objects can be nested 32 levels deep."),
    ErrorCode("invalid_parameter", 400, "a query parameter or a header has a value that it cannot have, or came twice",
              "write what the message says",
              example="Write a whole number from 1 to 100.", field="limit"),
    ErrorCode("unknown_parameter", 400, "there is no such query parameter",
              "remove it, or write the name that the message suggests",
              example='There is no parameter "stauts". Did you mean "status"?', field="stauts"),
    ErrorCode("invalid_cursor", 400, "the cursor is not of this list, sort and filters", "begin with the first page",
              example="This cursor is not of this list, sort order and filters; begin with the first page.", field="cursor"),
    ErrorCode("bad_request", 400, "the request line or a header cannot be understood",
              "correct the method, the path or the header",
              example="This request cannot be understood; check its method, headers and path."),
    ErrorCode("authentication_required", 401, "no credential was sent", "send `Authorization: Bearer` with a token or key",
              example="Send a credential, as Authorization: Bearer."),
    ErrorCode("invalid_token", 401, "the token or key is not good, or its session has ended", "log in again, or use another key",
              example="The token is not valid, or its session has ended; log in again."),
    ErrorCode("token_expired", 401, "the access token has ended", "refresh it",
              example="The access token has expired; refresh it."),
    ErrorCode("invalid_credentials", 401, "address or password is wrong, or the account may not log in",
              "correct them, or reset the password",
              example="The address or the password is wrong."),
    ErrorCode("invalid_refresh_token", 401, "the refresh token is not good any more", "log in again",
              example="The refresh token is not valid any more; log in again."),
    ErrorCode("permission_denied", 403, "the caller lacks a permission; `meta.permission` names it",
              "ask somebody who may give it",
              example="This needs the permission agents:update.", meta={"permission": "agents:update"}),
    ErrorCode("session_required", 403, "an API key cannot do this", "log in, and send the access token",
              example="An API key cannot do this; log in and use the access token."),
    ErrorCode("ip_not_allowed", 403, "the API key may not be used from this address",
              "call from an allowed address, or change those of the key",
              example="The API key may not be used from this address."),
    ErrorCode("reauthentication_required", 403, "the last login is too long ago for this", "log in again, then repeat it",
              example="Log in again before you do this."),
    ErrorCode("organization_closing", 403, "the organization is being deleted",
              "let an owner restore it, or choose another organization",
              example="The organization is being deleted; until then, an owner can restore it."),
    ErrorCode("organization_suspended", 403, "the organization is suspended", "ask the operator",
              example="The organization is suspended; ask the operator of this installation."),
    ErrorCode("registration_closed", 403, "the installation does not let you register", "ask for an invitation",
              example="This installation does not let you register; ask for an invitation."),
    ErrorCode("not_found", 404, "there is no such object, or not for you", "check the id, and the organization that you act in",
              example="There is no such object."),
    ErrorCode("route_not_found", 404, "there is no such path", "look the path up in the OpenAPI document",
              example="There is no such route; GET /api/v1/openapi.json lists those that there are."),
    ErrorCode("feature_disabled", 404, "the feature is switched off for the organization", "let an owner switch the plugin on",
              example="This feature is switched off for the organization."),
    ErrorCode("method_not_allowed", 405, "the path does not take this method", "use one of those in `Allow`",
              example="This route does not take this method; the Allow header names those that it takes."),
    ErrorCode("request_timeout", 408, "headers or body did not come within `server.header_seconds` and `server.body_seconds`",
              "send it again, over a better connection",
              example="The request did not arrive in time; send it again."),
    ErrorCode("conflict", 409, "this does not go together with the state of the object", "read the object, and decide again",
              example="This does not go together with the state of the object."),
    ErrorCode("already_exists", 409, "there is one already", "use the one that there is", example="There is one already."),
    ErrorCode("invalid_state", 409, "the object's state does not allow it; `meta.status` names the state",
              "bring it into a state that allows it first",
              example="The execution has ended already."),
    ErrorCode("last_owner", 409, "the organization would lose its last owner", "make somebody else an owner first",
              example="An organization needs an owner; make somebody else one first."),
    ErrorCode("action_changed", 409, "what you decide on is not what you saw", "read it again, and decide on what it is now",
              example="The action is not the one that you saw; read it again and decide on what it is now."),
    ErrorCode("in_use", 409, "something depends on it; `meta` names what, private agents of others by their id only",
              "remove or change what names it first",
              example="This is in use; remove what depends on it first."),
    ErrorCode("idempotency_in_progress", 409, "the first request with this key still runs", "repeat it after `Retry-After`",
              example="The first request with this key is still running; wait for the time in Retry-After."),
    ErrorCode("length_required", 411, "the body has no `Content-Length`", "send a `Content-Length`",
              example="Send a Content-Length."),
    ErrorCode("version_conflict", 412, "the object changed since you read it", "read it again, and repeat the change",
              example="The object has changed since you read it; read it again and repeat the change.", meta={"version": 4}),
    ErrorCode("payload_too_large", 413, "the body is too long; `meta.limit` says how long it may be", "send less at once",
              example="The body is too long.", meta={"limit": 1_048_576}),
    ErrorCode("uri_too_long", 414, "path and query are longer than 4,094 bytes", "use fewer or shorter parameters",
              example="The path and query are too long; they may have 4,094 bytes."),
    ErrorCode("unsupported_media_type", 415, "the body is not `application/json` in UTF-8, or it is compressed",
              "send JSON in UTF-8 with `Content-Type: application/json`",
              example="Send JSON in UTF-8, with the header Content-Type: application/json."),
    ErrorCode("validation_failed", 422, "fields are not valid; each has one of the codes below",
              "correct the fields that `errors` names",
              example="Some fields are not valid."),
    ErrorCode("required", 422, "the field must be there", "send the field",
              example="This field is required. Write text of 1 to 120 characters.", field="name"),
    ErrorCode("null_not_allowed", 422, "the field cannot be null", "send a value, or leave the field out",
              example="This field cannot be null. Write text of 1 to 120 characters.", field="name"),
    ErrorCode("invalid_type", 422, "the value is of another type; nothing is converted", "write the type that the message names",
              example="Write text of 1 to 120 characters, not a number.", field="name"),
    ErrorCode("invalid_format", 422, "the value does not have the form that it must have",
              "write the form that the message shows",
              example='Write an id, such as "agent_01h455vb4pex5vsknk084sn02q".', field="agent_id"),
    ErrorCode("too_short", 422, "the text is too short", "write more",
              example="Write at least 1 visible character.", field="name"),
    ErrorCode("too_long", 422, "the text or value is too long", "write less",
              example="Write at most 120 characters.", field="name"),
    ErrorCode("out_of_range", 422, "the number is too small or too large", "write a number between the limits",
              example="Write a whole number from 1 to 500.", field="limits.max_steps"),
    ErrorCode("too_many_items", 422, "the list has too many items", "send fewer",
              example="Write at most 20 items.", field="tags"),
    ErrorCode("unknown_field", 422, "there is no such field", "remove it, or write the name that the message suggests",
              example='There is no field "instruction". Did you mean "instructions"?', field="instruction"),
    ErrorCode("not_unique", 422, "another object has this value", "choose another value",
              example="There is another one with this value.", field="name"),
    ErrorCode("invalid_choice", 422, "the value is none of the possible ones", "write one of those in the message",
              example="Write one of draft, active, paused, archived.", field="status"),
    ErrorCode("invalid_reference", 422, "what the field refers to does not exist, or not for you", "name one that exists",
              example="There is no such object.", field="project_id"),
    ErrorCode("invalid_characters", 422, "the text holds characters that cannot be kept", "remove them",
              example="Remove the control characters (line breaks and tabs too).", field="name"),
    ErrorCode("url_not_allowed", 422, "the address may not be used", "use another address, or ask the operator to allow it",
              example="Addresses of this network are not allowed; the operator can allow them.", field="base_url"),
    ErrorCode("weak_password", 422, "the password is easy to guess, or the one that is to be replaced", "choose a longer one",
              example="This password is easy to guess; choose a longer one.", field="password"),
    ErrorCode("idempotency_key_reused", 422, "the key was used for another request", "choose a new key",
              example="This key was used for another request; choose a new one.", field="Idempotency-Key"),
    ErrorCode("rate_limited", 429, "there were too many requests; `meta` names the limit",
              "wait for `Retry-After`",
              example="Too many requests; wait 12 seconds.",
              meta={"limit": "requests_per_minute", **LIMIT, "used": 1_200, "max": 1_200}),
    ErrorCode("too_many_attempts", 429, "there were too many failed logins", "wait for `Retry-After`",
              example="Too many failed attempts; try again in 300 s."),
    ErrorCode("headers_too_large", 431, "a header is longer than 8,190 bytes, or there are more than 100",
              "send fewer or shorter headers",
              example="A header is too long, or there are too many: 100 headers of 8,190 bytes each."),
    ErrorCode("internal_error", 500, "there is a fault on our side; nothing was changed",
              "tell the operator `meta.request_id`",
              example="Something went wrong on our side; tell the operator the request id.",
              meta={"request_id": "0197f3a2c4d57e01b3a98d7c6e5f4a3b"}),
    ErrorCode("plugin_failed", 500, "the plugin that `meta.plugin` names has a fault; nothing was changed",
              "tell the operator; the log has the file and line",
              example="The plugin notes failed (tools: notes); the log says where.",
              meta={"plugin": "notes", "hook": "tools", "name": "notes"}),
    ErrorCode("unavailable", 503, "the installation is not ready, or a service that it needs is not",
              "try again after `Retry-After`",
              example="This cannot be done now; try again later."),
    ErrorCode("busy", 503, "too much happens at the same moment; nothing was changed", "try again after `Retry-After`",
              example="Too many requests at this moment; try again."),
    ErrorCode("storage_unavailable", 503,
              "the storage cannot take this now; nothing was changed, unless the message says that the change is not confirmed",
              "repeat it with the same `Idempotency-Key`",
              example="The storage cannot take this now; try again later."),
    ErrorCode("upstream_timeout", 504, "a service that is needed did not answer in time", "try again later",
              example="A service that is needed for this did not answer in time."),
)  # fmt: skip

#: The core's codes, by name.
CORE_CODES: Mapping[str, ErrorCode] = MappingProxyType({str(code): code for code in _ALL})
