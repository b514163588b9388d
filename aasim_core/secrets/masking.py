"""Masking what is known to be secret in what others say: servers repeat the keys that they are shown."""

import html
import json
import re
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Callable, Sequence
from urllib.parse import quote, quote_plus

from ..logs.configuration import MASK

#: The beginning of a secret says something from so many characters on.
_TELLING = 4
# What nobody escapes.
_UNRESERVED = re.compile(r"[\w.~-]*", re.ASCII)


def without(secret: str, text: str) -> str:
    """`text` with the secret masked, also where its end was cut off with the text's."""
    text = text.replace(secret, MASK)
    longest = next((n for n in range(len(secret) - 1, _TELLING - 1, -1) if text.endswith(secret[:n])), 0)
    return text[: len(text) - longest] + MASK if longest else text


def spellings(secret: str) -> set[str]:
    """What the secret looks like where services repeat it: as it is or encoded, and escaped for JSON, HTML, addresses and forms."""
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
    """Latin-1 that is read as UTF-8."""
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
    """Percent-encoding that leaves these as they are, as addresses and as forms have it."""
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
