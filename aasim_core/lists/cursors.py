"""Cursors: positions from which a list or an export continues, sealed for their purpose."""

from collections.abc import Sequence
from typing import Any

import orjson

from ..secrets import Keyring
from ..text import base64url

_TAG_BYTES = 32


def seal(keyring: Keyring, bound_to: bytes, key: Sequence[Any]) -> str:
    """Return a cursor that holds `key`, valid only for `bound_to`."""
    content = orjson.dumps(key)
    return base64url.encode(keyring.sign("cursor", content + b"\0" + bound_to) + content)


def opened(keyring: Keyring, bound_to: bytes, cursor: str) -> list[Any] | None:
    """Return the key in the cursor; None if it was not made for this."""
    try:
        sealed = base64url.decode(cursor)
    except ValueError:
        return None
    tag, content = sealed[:_TAG_BYTES], sealed[_TAG_BYTES:]
    if not keyring.verify("cursor", content + b"\0" + bound_to, tag):
        return None
    key: list[Any] = orjson.loads(content)
    return key
