"""The one family of errors: raised by services, reported by the API and the command line."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .error_codes import CORE_CODES, ErrorCode


def known_code(code: str) -> ErrorCode:
    """Return the error code itself; LookupError for a name that is not the core's: a plugin raises its own code as the object."""
    found = code if isinstance(code, ErrorCode) else CORE_CODES.get(code)
    if found is None:
        raise LookupError(
            f"{code!r} is not an error code of the core; write one of docs/reference/error-codes.md, or declare ErrorCode({code!r}, …) "
            "and raise that"
        )
    return found


@dataclass(frozen=True)
class Problem:
    """One problem: a code for programs, a sentence for people, and facts about it."""

    code: str
    message: str
    meta: Mapping[str, Any] | None = None

    def __post_init__(self) -> None:
        known_code(self.code)


class Refused(Exception):
    """The request cannot be carried out, for reasons that its sender can read and act on.

    `code` is the name of one of the core's codes, or a plugin's own `ErrorCode`. `field` is the path of the invalid field
    (``"steps[2].name"``), or ``"_"`` for an error without a field. `retry_after` is in seconds.
    """

    def __init__(
        self, code: str, message: str, *, field: str = "_", meta: Mapping[str, Any] | None = None, retry_after: int | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.status = known_code(code).status
        self.retry_after = retry_after
        self.problems: Mapping[str, Sequence[Problem]] = {field: [Problem(code, message, meta)]}

    @property
    def code(self) -> str:
        """The code of the first problem."""
        return next(iter(self.problems.values()))[0].code


class Invalid(Refused):
    """Fields of the request are invalid; `problems` maps each field's path to its problem."""

    def __init__(self, problems: Mapping[str, Sequence[Problem]], message: str = "Some fields are not valid.") -> None:
        super().__init__("validation_failed", message)
        self.problems = problems

    def below(self, path: str) -> "Invalid":
        """Return the same error for an object that is itself a field, at `path`."""
        return Invalid({f"{path}.{field}": problems for field, problems in self.problems.items()}, self.message)


def not_found() -> Refused:
    """The uniform response for an object that is absent, deleted, in another organization, or not visible to the caller."""
    return Refused("not_found", "There is no such object.")


class StartupError(Exception):
    """The installation cannot carry out the command; each of `problems` is a sentence that says what to do.

    `exit_code` is one of `exits.CODES`: 78 configuration (default), 69 unavailable, 74 storage, 75 try again.
    """

    def __init__(self, *problems: str, exit_code: int = 78) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems
        self.exit_code = exit_code


class InvalidArgument(StartupError):
    """An invalid argument of a command: an address, an id, a name, an existing file, or an incompatible backup."""

    def __init__(self, *problems: str) -> None:
        super().__init__(*problems, exit_code=65)
