"""Words that neither the code nor its documentation use, each with the term of the field to write instead."""

import re
from collections.abc import Iterator, Mapping
from types import MappingProxyType

#: What to write instead, by a pattern of whole words. The terms are explained in docs/glossary.md.
INSTEAD: Mapping[str, str] = MappingProxyType(
    {
        r"whoever": "the caller, the holder, the operator, anyone who: the noun for who it is",
        r"anew": "again, or the verb: reset, restart, reread, reconnect, re-encrypt",
        r"mend(?:s|ed|ing)?": "fix",
        r"rung": "notified",
        r"(?:door)?bells?": "notification",
        r"so many": "this many, a number of, at most, or the limit itself",
        r"(?:goes|go|went) on": "continue, or is running",
        r"hangs? (?:on|below)": "belongs to",
        r"ha(?:s|ve) a rest": "its circuit is open, is skipped for a while",
        r"barred|bar one": "suspend",
        r"puts? to people": "requires approval",
        r"what is there already": "existing",
        r"(?<![\w/`])beside(?![\w`])": "with, next to, outside of, besides",
        r"(?:no|has|finds) room": "capacity, space",
        r"away for a moment": "unavailable",
        r"been at the log": "tampered with",
        r"the second wall": "row-level security",
        r"beats?": "heartbeat",
        r"pulse": "organization state",
    }
)
_PATTERNS = {re.compile(rf"(?<!\w)(?:{words})(?!\w)", re.IGNORECASE): instead for words, instead in INSTEAD.items()}


def faults(text: str) -> Iterator[str]:
    """What to write otherwise in a text."""
    line = re.sub(r"\s+", " ", text)
    for pattern, instead in _PATTERNS.items():
        for found in pattern.finditer(line):
            yield f"write {instead}: {line[max(0, found.start() - 30) : found.end() + 30]}"
