"""Password rules, and hashing within the machine's limits."""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from secrets import token_urlsafe
from threading import BoundedSemaphore, local

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

from ..errors import Invalid, Problem, Refused
from .common_passwords import RUNS, WHOLE, WORDS

MIN_LENGTH, MAX_LENGTH = 12, 256
#: Minimum length after removing runs, repetitions, common words and the person's own words.
_MIN_SUBSTANCE = 5
#: The hash of a random text with the parameters below; verified in place of an unknown user's.
_NOBODY = "$argon2id$v=19$m=19456,t=2,p=1$/4Fy6z3TKQaHnT4W+6QTow$SsnoTlvwElZdtkcpUSeHamKEDJ0jWcozXUhN3jmWJB4"
_SWAPS = str.maketrans("@483!|10$572", "aabeiiiosstz")
_REPEATED = re.compile(r"(.{1,8}?)\1+", re.DOTALL)


def generated_password() -> str:
    """A password with 120 random bits."""
    return token_urlsafe(15)


class Passwords:
    """Hashes and verifies with argon2id (RFC 9106; OWASP's second set: 19 MiB, two passes, one lane), a few at a time.

    A caller that gets none of the `slots` within `wait_seconds` is refused with 503 `busy`.
    """

    def __init__(self, slots: int = 2, wait_seconds: float = 2.0) -> None:
        self._hasher = PasswordHasher(time_cost=2, memory_cost=19456, parallelism=1)
        self._slots = BoundedSemaphore(slots)
        self._thread = local()
        self._wait_seconds = wait_seconds

    def hash(self, password: str) -> str:
        """Return the salted hash to store."""
        with self.turn():
            return self._hasher.hash(_normalised(password))

    def verify(self, stored: str | None, password: str) -> bool:
        """Return whether `password` matches the hash `stored`; takes the same time without one, and is then False."""
        with self.turn():
            try:
                self._hasher.verify(stored or _NOBODY, _normalised(password))
            except (Argon2Error, InvalidHashError):
                return False
        return stored is not None

    def is_outdated(self, stored: str) -> bool:
        """Return whether `stored` was created with outdated parameters."""
        return self._hasher.check_needs_rehash(stored)

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Hold a slot; hashing inside needs no other one."""
        if getattr(self._thread, "has_slot", False):
            yield
            return
        if not self._slots.acquire(timeout=self._wait_seconds):
            raise Refused("busy", "Too many people are logging in at this moment; try again shortly.", retry_after=1)
        self._thread.has_slot = True
        try:
            yield
        finally:
            self._thread.has_slot = False
            self._slots.release()


def require_strong(password: str, *, context: Iterable[str] = (), field: str = "password") -> None:
    """Refuse (`Invalid`, keyed by `field`) an easily guessed password.

    `context` holds what an attacker knows of the person: e-mail address and name.
    """
    problems = list(_problems(password, context))
    if problems:
        raise Invalid({field: problems})


def _problems(password: str, context: Iterable[str]) -> Iterator[Problem]:
    if len(password) < MIN_LENGTH:
        yield Problem("too_short", f"Use at least {MIN_LENGTH} characters.", {"min": MIN_LENGTH})
    elif len(password) > MAX_LENGTH:
        yield Problem("too_long", f"Use at most {MAX_LENGTH} characters.", {"max": MAX_LENGTH})
    elif any(unicodedata.category(character) in ("Cc", "Cs") for character in password):
        yield Problem("invalid_characters", "Leave out control characters.")
    elif _is_weak(_normalised(password).casefold(), _words_of(context)):
        yield Problem("weak_password", "This is easy to guess; let a password manager choose one.")


def _is_weak(password: str, personal: Sequence[str]) -> bool:
    if password in WHOLE or _REPEATED.fullmatch(password):
        return True
    return any(_substance(form, personal) < _MIN_SUBSTANCE for form in (password, password.translate(_SWAPS)))


def _substance(text: str, personal: Sequence[str]) -> int:
    """Count the distinct characters of `text` without its predictable parts; two digits or signs count as one letter."""
    for word in sorted({*personal, *WORDS}, key=len, reverse=True):
        text = text.replace(word, " ")
    rest = {character for character in _without_runs(text) if not character.isspace()}
    letters = sum(character.isalpha() for character in rest)
    return letters + (len(rest) - letters) // 2


def _without_runs(text: str) -> Iterator[str]:
    """Return the characters of `text`, without the third and later ones of a run along a keyboard or alphabet."""
    for position, character in enumerate(text):
        tail = text[max(position - 2, 0) : position + 1]
        if len(tail) < 3 or not any(tail in run or tail in run[::-1] for run in RUNS):
            yield character


def _words_of(context: Iterable[str]) -> list[str]:
    """Return the parts of a person's e-mail address and name, as they may appear in a password."""
    words = [word for text in context for word in re.split(r"[\W_]+", _normalised(text).casefold()) if len(word) > 2]
    return ["aasim", *words]


def _normalised(password: str) -> str:
    # NIST SP 800-63B 5.1.1.2: the same password typed on two systems must give the same bytes.
    return unicodedata.normalize("NFKC", password)
