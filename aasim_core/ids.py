"""TypeIDs: a prefix that names the kind, an underscore, and a UUIDv7 in base32, so that ids sort by time."""

import re
from datetime import datetime

from uuid_utils import uuid7

# Crockford's alphabet in lower case, as the TypeID specification 0.3 sets it.
_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_PAIRS = [a + b for a in _ALPHABET for b in _ALPHABET]
#: What stands before an id's last underscore, as a regular expression: words of lower-case letters, joined by underscores.
PREFIX = "[a-z][a-z_]{0,61}[a-z]"
_SHAPE = re.compile(rf"({PREFIX})_([0-7][0-9a-hjkmnp-tv-z]{{25}})")


def new_id(prefix: str) -> str:
    """A fresh id such as ``agent_01h455vb4pex5vsknk084sn02q`` (TypeID 0.3 over RFC 9562 UUIDv7)."""
    return _written(prefix, uuid7().int)


def first_id(prefix: str, moment: datetime) -> str:
    """What no id that was made at `moment` or later sorts before."""
    return _written(prefix, max(0, int(moment.timestamp() * 1000)) << 80)


def _written(prefix: str, number: int) -> str:
    pairs = _PAIRS
    return f"{prefix}_" + "".join([pairs[number >> shift & 1023] for shift in range(120, -1, -10)])


def is_id(text: str, prefix: str | None = None) -> bool:
    """Whether `text` has the form of an id, of the kind `prefix` if that is given."""
    match = _SHAPE.fullmatch(text)
    return match is not None and prefix in (None, match[1])
