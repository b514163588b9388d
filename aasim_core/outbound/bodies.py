"""The bodies of HTTP answers, as JSON values."""

import json
from contextlib import suppress
from typing import Any

#: Names of the one encoding besides UTF-8 that is still met.
_LATIN = ("iso-8859-1", "iso8859-1", "latin1", "windows-1252")
JSON = "application/json"


def kind_of(content_type: str) -> str:
    """The media type that a header Content-Type names, without its parameters."""
    return content_type.partition(";")[0].strip().lower()


def body_of(content_type: str, content: bytes) -> Any:
    """The value of JSON, text of anything else, and None of nothing; what calls itself JSON and is none is text."""
    kind = kind_of(content_type)
    if content and (kind == JSON or kind.endswith("+json")):
        with suppress(ValueError, RecursionError):
            return json.loads(content)  # unlike orjson, it takes half a character, which is mended when it is kept
    is_latin = any(name in content_type.lower() for name in _LATIN)
    return content.decode("windows-1252" if is_latin else "utf-8", errors="replace") if content else None
