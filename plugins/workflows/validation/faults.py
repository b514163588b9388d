"""A fault of a definition, and its location."""

from collections.abc import Sequence
from dataclasses import dataclass

from aasim_core.text.suggestions import did_you_mean

#: Maximum number of faults reported.
MOST_FAULTS = 200
# Comparing two names takes long, if they are nearly the same.
_MOST_LOOKED_AT, _MOST_COMPARED = 200, 10
LONGEST_PATH, LONGEST_MESSAGE = 400, 1000


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that is wrong at a `path` of the definition, such as ``nodes.fetch.config.url``.

    `code` says what for programs, `message` for people, with what to write instead. What `is_hint` works all the same.
    """

    path: str
    code: str
    message: str
    is_hint: bool = False


def below(path: str, *parts: str | int) -> str:
    """The path of what is below: ``nodes.fetch`` and ``config``, ``items``, 0 are ``nodes.fetch.config.items[0]``."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part[:LONGEST_PATH]}" for part in parts)
    return f"{path}{text}" if path else text.removeprefix(".")


def listed(names: Sequence[str], most: int = 20) -> str:
    """The names for a sentence; of many, the first; empty where there are none."""
    if len(names) > most:
        return f"{', '.join(names[:most])} or one of {len(names) - most} others"
    return f"{', '.join(names[:-1])} or {names[-1]}" if len(names) > 1 else "".join(names)


def advice(written: str, names: Sequence[str]) -> str:
    """A sentence, with a space before it, about the names that could have been written: the nearest one, or what there is."""
    near = [name for name in names[:_MOST_LOOKED_AT] if abs(len(name) - len(written)) <= 2 and len(set(name) ^ set(written)) <= 4]
    return did_you_mean(written, near[:_MOST_COMPARED]) or (f" Write {listed(list(names))}." if names else "")
