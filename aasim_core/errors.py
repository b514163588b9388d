"""The one family of errors: what services raise, and what the API and the command line answer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

#: Every error code of the API with its HTTP status. The list is closed: a code that is not here cannot be raised.
STATUS_OF: Mapping[str, int] = {
    **dict.fromkeys(
        (
            "malformed_json",
            "duplicate_key",
            "nesting_too_deep",
            "invalid_parameter",
            "unknown_parameter",
            "invalid_cursor",
            "bad_request",
        ),
        400,
    ),
    **dict.fromkeys(
        ("authentication_required", "invalid_token", "token_expired", "invalid_credentials", "invalid_refresh_token"), 401
    ),
    **dict.fromkeys(("plan_limit_exceeded", "budget_exceeded"), 402),
    **dict.fromkeys(
        (
            "permission_denied",
            "session_required",
            "ip_not_allowed",
            "reauthentication_required",
            "organization_closing",
            "organization_suspended",
            "registration_closed",
        ),
        403,
    ),
    **dict.fromkeys(("not_found", "route_not_found", "feature_disabled"), 404),
    "method_not_allowed": 405,
    **dict.fromkeys(
        (
            "conflict",
            "already_exists",
            "invalid_state",
            "last_owner",
            "already_decided",
            "action_changed",
            "in_use",
            "rubric_gate_failed",
            "idempotency_in_progress",
        ),
        409,
    ),
    "length_required": 411,
    "version_conflict": 412,
    "payload_too_large": 413,
    "uri_too_long": 414,
    "unsupported_media_type": 415,
    **dict.fromkeys(
        (
            "validation_failed",
            "required",
            "null_not_allowed",
            "invalid_type",
            "invalid_format",
            "too_short",
            "too_long",
            "out_of_range",
            "too_many_items",
            "unknown_field",
            "not_unique",
            "invalid_choice",
            "invalid_reference",
            "invalid_characters",
            "url_not_allowed",
            "weak_password",
            "idempotency_key_reused",
        ),
        422,
    ),
    **dict.fromkeys(("rate_limited", "too_many_attempts", "quota_exceeded", "queue_full"), 429),
    "headers_too_large": 431,
    "internal_error": 500,
    **dict.fromkeys(("unavailable", "busy", "storage_unavailable"), 503),
    "upstream_timeout": 504,
}


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong: a code for programs, a sentence for people, and facts about it."""

    code: str
    message: str
    meta: Mapping[str, Any] | None = None

    def __post_init__(self) -> None:
        if self.code not in STATUS_OF:
            raise LookupError(f"{self.code!r} is not an error code; use one of aasim_core.errors.STATUS_OF or add it there")


class Refused(Exception):
    """The request cannot be carried out, for reasons that its sender can read and act upon.

    `field` is the path of the offending field (``"steps[2].name"``), or ``"_"`` for what is no field's fault.
    `retry_after` is in seconds.
    """

    def __init__(
        self, code: str, message: str, *, field: str = "_", meta: Mapping[str, Any] | None = None, retry_after: int | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.status = STATUS_OF[code]
        self.retry_after = retry_after
        self.problems: Mapping[str, Sequence[Problem]] = {field: [Problem(code, message, meta)]}

    @property
    def code(self) -> str:
        """The code of the first problem."""
        return next(iter(self.problems.values()))[0].code


class Invalid(Refused):
    """Fields of the request are wrong; `problems` maps each field's path to what is wrong with it."""

    def __init__(self, problems: Mapping[str, Sequence[Problem]], message: str = "Some fields are not valid.") -> None:
        super().__init__("validation_failed", message)
        self.problems = problems

    def below(self, path: str) -> "Invalid":
        """The same of an object that is itself a field, at `path`."""
        return Invalid({f"{path}.{field}": problems for field, problems in self.problems.items()}, self.message)


def not_found() -> Refused:
    """The one answer for an object that is absent, deleted, of another organization, or not visible to the caller."""
    return Refused("not_found", "There is no such object.")


class StartupError(Exception):
    """The installation cannot do what was asked; each of `problems` is a sentence that says what to do.

    `exit_code` follows sysexits.h: 78 configuration (default), 69 something unavailable, 74 storage, 75 try again.
    """

    def __init__(self, *problems: str, exit_code: int = 78) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems
        self.exit_code = exit_code
