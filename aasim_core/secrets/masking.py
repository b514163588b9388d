"""Mask known secrets in responses of others: servers echo the keys that they receive."""

import html
import json
import re
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Callable, Sequence
from urllib.parse import quote, quote_plus

from ..logs.redaction import MASK

#: Minimum length of a secret's prefix that is masked.
_TELLING = 4
# Characters that no encoding escapes.
_UNRESERVED = re.compile(r"[\w.~-]*", re.ASCII)


def without(secret: str, text: str) -> str:
    """Return `text` with the secret masked, even where the text was cut within it."""
    text = text.replace(secret, MASK)
    longest = next((n for n in range(len(secret) - 1, _TELLING - 1, -1) if text.endswith(secret[:n])), 0)
    return text[: len(text) - longest] + MASK if longest else text


def spellings(secret: str) -> set[str]:
    """Return the forms in which services echo the secret: plain or encoded, and escaped for JSON, HTML, URLs and forms."""
    encoded = {encode(secret) for encode in _ENCODINGS}
    return {spelling for text in encoded for spelling in _escaped(text)}


def _escaped(text: str) -> set[str]:
    return {text} if _UNRESERVED.fullmatch(text) else {escape(text) for escape in _ESCAPES}


def _base64(text: str) -> str:
    return b64encode(text.encode()).decode()


def _base64url(text: str) -> str:
    return urlsafe_b64encode(text.encode()).decode()


def _hex(text: str) -> str:
    return text.encode().hex()


def _misread(text: str) -> str:
    """Latin-1 misread from UTF-8."""
    try:
        return text.encode("latin-1").decode(errors="replace")
    except UnicodeEncodeError:
        return text


def _json(text: str) -> str:
    return json.dumps(text)[1:-1]


def _json_of_characters(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)[1:-1]


def _in_lower_case(percent_encoded: str) -> str:
    return re.sub(r"%..", lambda octet: octet[0].lower(), percent_encoded)


def _percent(safe: str) -> Sequence[Callable[[str], str]]:
    """Percent-encoding with these safe characters, as in URLs and forms."""
    return (
        lambda text: quote(text, safe),
        lambda text: _in_lower_case(quote(text, safe)),
        lambda text: quote_plus(text, safe),
        lambda text: _in_lower_case(quote_plus(text, safe)),
    )


_ENCODINGS: Sequence[Callable[[str], str]] = (
    str,
    _misread,
    _base64,
    _base64url,
    lambda text: _base64(text).rstrip("="),
    lambda text: _base64url(text).rstrip("="),
    _hex,
    lambda text: _hex(text).upper(),
)
_ESCAPES: Sequence[Callable[[str], str]] = (
    str,
    _json,
    _json_of_characters,
    lambda text: _json(text).replace("/", "\\/"),  # as PHP does
    lambda text: _json_of_characters(text).replace("/", "\\/"),
    lambda text: html.escape(text, quote=False),
    html.escape,
    lambda text: html.escape(text).replace("&#x27;", "&#39;"),
    lambda text: html.escape(text).replace("&#x27;", "&#39;").replace("&quot;", "&#34;"),
    *_percent(""),
    *_percent("/"),
    *_percent("!'()*"),  # encodeURIComponent
    *_percent(";,/?:@&=+$!*'()#"),  # encodeURI
)
