"""Words that the documentation does not use, each with the term of the field to write instead."""

import re
from collections.abc import Iterator, Mapping
from types import MappingProxyType

#: What to write instead, by a pattern of words. The terms are explained in docs/glossary.md.
INSTEAD: Mapping[str, str] = MappingProxyType(
    {
        r"whoever": "anyone who, the person who, the operator",
        r"anew": "again, reset, restart, recreate",
        r"mend(s|ed|ing)?": "fix",
        r"hangs? (on|below)": "belongs to",
        r"put to people": "requires approval",
        r"ha(s|ve) a rest": "is skipped for a while",
        r"(door)?bells?": "notification",
        r"bar one": "suspend",
        r"(goes|go|went) on": "continue",
        r"(no|has|finds) room": "capacity, space",
        r"away for a moment": "unavailable",
        r"been at the log": "tampered with",
        r"the second wall": "row-level security",
        r"beats?": "heartbeat",
        r"pulse": "organization state",
    }
)
_CODE_OR_LINK = re.compile(r"^```.*?^```$|`[^`\n]*`|\]\([^)\s]+\)", re.MULTILINE | re.DOTALL)
_QUESTION = re.compile(r"^#+ .*\?$", re.MULTILINE)


def faults(markdown: str) -> Iterator[str]:
    """What to write otherwise in a page."""
    prose = _CODE_OR_LINK.sub("", markdown)
    for words, instead in INSTEAD.items():
        for found in re.finditer(rf".{{0,30}}\b(?:{words})\b.{{0,30}}", prose, re.IGNORECASE):
            yield f"write {instead}: {found[0]}"
    for heading in _QUESTION.findall(prose):
        yield f"a heading is a task or a noun, not a question: {heading}"
