"""The grammar of paths: a path names one step of a run, everywhere.

RFC 5234::

    path       = segment *4("." segment)            ; at most 5 deep and 400 bytes
    segment    = id [ "[" item "]" ] [ "#" repetition ]
    id         = %x61-7A *39( %x61-7A / DIGIT / "_" )
    item       = "0" / number                       ; the place in a list, from 0
    repetition = "1" 1*8DIGIT / %x32-39 *8DIGIT     ; the second time is #2; the first has none
    number     = %x31-39 *8DIGIT

Each step has one spelling: numbers have no leading zeros. Retries are no part of a path.
"""

import re
from dataclasses import dataclass
from functools import lru_cache

DEEPEST, LONGEST = 5, 400
_SEGMENT = re.compile(r"([a-z][a-z0-9_]{0,39})(?:\[(0|[1-9][0-9]{0,8})\])?(?:#(1[0-9]{1,8}|[2-9][0-9]{0,8}))?", re.ASCII)
_NOT_IN_ID = re.compile(r"[^a-z0-9_]+")


class BadPath(ValueError):
    """The text is no path; the message says what to write instead."""


@dataclass(frozen=True, slots=True)
class Segment:
    """A node of the definition, the item of its list (None: it has no list), and the number of its repetition, from 1."""

    id: str
    item: int | None = None
    repetition: int = 1

    def __str__(self) -> str:
        item = "" if self.item is None else f"[{self.item}]"
        return f"{self.id}{item}" + (f"#{self.repetition}" if self.repetition > 1 else "")


@lru_cache(maxsize=256)
def id_of(name: str) -> str:
    """The name as an id, for steps that have no node."""
    return _NOT_IN_ID.sub("_", name.lower()).lstrip("_0123456789")[:40] or "step"


def parse(text: str) -> tuple[Segment, ...]:
    """The segments of a path, from the outermost in. Raises `BadPath`."""
    if len(text.encode()) > LONGEST:
        raise BadPath(f"A path has at most {LONGEST} bytes.")
    parts = text.split(".")
    if len(parts) > DEEPEST:
        raise BadPath(f"A path is at most {DEEPEST} deep; this one is {len(parts)} deep: {text}")
    return tuple(map(_segment, parts))


def join(segments: tuple[Segment, ...]) -> str:
    """The path of the segments, as `parse` reads it."""
    return ".".join(map(str, segments))


def _segment(text: str) -> Segment:
    found = _SEGMENT.fullmatch(text)
    if found is None:
        raise BadPath(f"{text!r} is no segment of a path; write an id, as in fetch, load[17] or review#2.")
    node, item, repetition = found.groups()
    return Segment(node, None if item is None else int(item), int(repetition or 1))
