"""Parse the bodies of HTTP responses as JSON values."""

import json
from contextlib import suppress
from typing import Any

#: Names of the one encoding besides UTF-8 that is still in use.
_LATIN = ("iso-8859-1", "iso8859-1", "latin1", "windows-1252")
JSON = "application/json"


def kind_of(content_type: str) -> str:
    """Return the media type of a Content-Type header, without parameters."""
    return content_type.partition(";")[0].strip().lower()


def body_of(content_type: str, content: bytes) -> Any:
    """Return the value of JSON, the text of anything else, and None for an empty body; invalid JSON is returned as text."""
    kind = kind_of(content_type)
    if content and (kind == JSON or kind.endswith("+json")):
        with suppress(ValueError, RecursionError):
            return json.loads(content)  # unlike orjson, it accepts lone surrogates, which are replaced when the value is stored
    is_latin = any(name in content_type.lower() for name in _LATIN)
    return content.decode("windows-1252" if is_latin else "utf-8", errors="replace") if content else None
