"""The hash formats of entries: an entry's `version` names its format, and one chain may contain several.

An entry of the format `CONTENTS` hashes the activity as the API shows it. One of the format `DIGESTS` hashes the digest of each erasable
content instead of the content, so the content can be erased and the entry stays verifiable.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from hashlib import sha256, sha512
from secrets import token_hex
from typing import Any

import orjson

CONTENTS, DIGESTS = 1, 2
#: The erasable contents, by their names in the API, and their columns.
PARTS: Mapping[str, str] = {
    "actor.label": "actor_label",
    "actor.ip": "actor_ip",
    "subject.label": "subject_label",
    "changes": "changes",
    "data": "data",
}
#: The value of an erased content's column: labels are never null.
BLANK: Mapping[str, str | None] = {part: "" if part.endswith("label") else None for part in PARTS}
#: Positions of the contents' keys in the hash of the salt: 96 bits each, since one hash is faster than five.
_KEYS = tuple(slice(start, start + 12) for start in range(0, 12 * len(PARTS), 12))
#: The fields that an entry of the format `DIGESTS` hashes directly, in this order.
_NEVER_ERASED = (
    "id", "organization_id", "sequence", "at", "actor_type", "actor_id", "name", "subject_type", "subject_id", "outcome", "request_id",
    "subject_revision",
)  # fmt: skip
_IN_JSON = frozenset(("changes", "data"))


class NotWhole(Exception):
    """An inconsistent entry: an erased content is present, or the remains of an erasure are malformed."""


def format_of(row: Mapping[str, Any]) -> int:
    """Return the format to seal an event in: `DIGESTS`, unless it was written before keys within JSON were sorted."""
    return DIGESTS if all(_is_sorted(text) for text in (row["changes"], row["data"]) if text is not None) else CONTENTS


def new_salt() -> str:
    """Return a salt that makes the digests of one event differ from those of all others: 128 random bits."""
    return token_hex(16)


def hash_of(row: Mapping[str, Any]) -> str:
    """Return the hash of an event at its position in the chain: SHA-256 in hexadecimal. `row` has the columns of the event and of its
    entry.

    Raises NotWhole.
    """
    form = _FORMS.get(row["version"])
    if form is None:
        raise NotWhole
    return sha256(form(row)).hexdigest()


def commitment(row: Mapping[str, Any]) -> str:
    """Return the hash in the format `DIGESTS`, whatever the entry's format. Raises NotWhole."""
    return sha256(_of_digests(row)).hexdigest()


def _of_contents(row: Mapping[str, Any]) -> bytes:
    """Return the hashed fields. A format never changes: fields that are added later are not hashed."""
    if row["erased"] is not None:
        raise NotWhole  # only an anchor can prove that this was whole, see `chain`
    activity = {
        "id": row["id"],
        "organization_id": row["organization_id"],
        "sequence": row["sequence"],
        "at": row["at"],
        "actor": {part: row[f"actor_{part}"] for part in ("type", "id", "label", "ip")},
        "action": row["name"],
        "subject": {part: row[f"subject_{part}"] for part in ("type", "id", "label")},
        "outcome": row["outcome"],
        "changes": _parsed(row["changes"]),
        "data": _parsed(row["data"]),
        "request_id": row["request_id"],
        "previous_hash": row["previous_hash"],
    }
    return orjson.dumps(activity, option=orjson.OPT_SORT_KEYS)


def _of_digests(row: Mapping[str, Any]) -> bytes:
    known = [row[name] for name in _NEVER_ERASED]
    return orjson.dumps([DIGESTS, *known, *_digests(row), row["previous_hash"]])


_FORMS: Mapping[int, Callable[[Mapping[str, Any]], bytes]] = {CONTENTS: _of_contents, DIGESTS: _of_digests}


def _digests(row: Mapping[str, Any]) -> Sequence[str | None]:
    """Return the digest of each of `PARTS`: None for an empty one, the stored one for an erased one. Raises NotWhole."""
    if row["erased"] is not None:
        return _what_is_left(row)
    keys = _keys(row["salt"] or "")
    return [_digest(part, key, row[column]) for (part, column), key in zip(PARTS.items(), keys, strict=True)]


def _what_is_left(row: Mapping[str, Any]) -> Sequence[str | None]:
    try:
        erased = orjson.loads(row["erased"])
        gone, keys = erased["digests"], erased["keys"]
        if row["salt"] is not None or any(row[PARTS[part]] != BLANK[part] for part in gone):
            raise NotWhole
        return [
            gone[part] if part in gone else _digest(part, bytes.fromhex(keys[part]), row[column])
            for part, column in PARTS.items()
        ]
    except (ValueError, KeyError, TypeError, AttributeError):
        raise NotWhole from None


def after_erasing(row: Mapping[str, Any], parts: Collection[str]) -> dict[str, Any] | None:
    """Return what to store when the contents `parts` of an event are erased, including earlier erasures; None if nothing was left.

    The salt is dropped, because a short text could be guessed from its digest with it; the keys derived from it for the other contents
    stay.
    """
    current = dict(zip(PARTS, _digests(row), strict=True))
    if row["erased"] is None:
        keys = {part: key.hex() for part, key in zip(PARTS, _keys(row["salt"]), strict=True)}
        before: dict[str, Any] = {"digests": {}, "keys": keys}
    else:
        before = orjson.loads(row["erased"])
    wanted = [part for part in parts if part in before["keys"] and row[PARTS[part]] != BLANK[part]]
    if not wanted:
        return None
    return {
        "digests": {**before["digests"], **{part: current[part] for part in wanted}},
        "keys": {part: key for part, key in before["keys"].items() if part not in wanted},
    }


def _keys(salt: str) -> list[bytes]:
    """Return the keys of an event's digests. None of them reveals another, or the salt."""
    hashed = sha512(salt.encode()).digest()
    return [hashed[place] for place in _KEYS]


def _digest(part: str, key: bytes, value: str | None) -> str | None:
    """Return the digest of a content as JSON; `changes` and `data` are already JSON with sorted keys."""
    if value is None:
        return None
    return sha256(key + (value.encode() if part in _IN_JSON else orjson.dumps(value))).hexdigest()


def _is_sorted(text: str) -> bool:
    try:
        return orjson.dumps(orjson.loads(text), option=orjson.OPT_SORT_KEYS) == text.encode()
    except orjson.JSONDecodeError:
        return True  # it has no other form


def _parsed(text: str | None) -> Any:
    if text is None:
        return None
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        raise NotWhole from None
