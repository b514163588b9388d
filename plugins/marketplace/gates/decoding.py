"""Decode texts in each encoding that may hide a secret, and in one within another.

Each way of writing is undone by a function of the text. The work is bounded: what would take more is told, not skipped.
"""

import base64
import binascii
import codecs
import html
import re
import unicodedata
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import unquote

#: Maximum depth of nested encodings that are undone.
_DEEPEST = 4
#: How much is read of what is compressed, and in all, in characters.
_MOST_OF_ONE, _MOST = 100_000, 8_000_000
#: What could be base64, base64url, base32 or hexadecimal and is long enough to hold a secret; line breaks in it are taken out first.
_WORD = re.compile(r"[A-Za-z0-9+/_-]{16,}={0,6}")
_BROKEN = re.compile(r"(?<=[A-Za-z0-9+/_-]{16})\r?\n[ \t]*(?=[A-Za-z0-9+/_=-])")
_HEX = re.compile(r"(?:[0-9a-fA-F]{2})+")
_ESCAPE = re.compile(r"\\(?:u\{([0-9a-fA-F]{1,6})\}|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|x([0-9a-fA-F]{2}))|%u([0-9a-fA-F]{4})")
_COMPRESSED = (b"\x1f\x8b", b"\x78\x01", b"\x78\x5e", b"\x78\x9c", b"\x78\xda")


class TooMuch(Exception):
    """So much is encoded in the text that it cannot be read whole."""


@dataclass
class Patience:
    """How many characters are still read, of all texts together: decoding what is compressed could take hours."""

    left: int = _MOST


def readings(text: str, patience: Patience) -> Iterator[str]:
    """The text, and what it says decoded, encodings within encodings too. Raises `TooMuch`."""
    seen: set[str] = set()
    waiting = [(text, 0)]
    while waiting:
        reading, depth = waiting.pop()
        if reading in seen:
            continue
        seen.add(reading)
        patience.left -= len(reading)
        if patience.left < 0:
            raise TooMuch
        yield reading
        if depth < _DEEPEST:
            waiting += [(decoded, depth + 1) for decoded in _decoded(reading, whole=depth < 2)]


def _decoded(text: str, *, whole: bool) -> Iterator[str]:
    """What comes of undoing one encoding; those of the `whole` text are undone within others once."""
    unescaped = _unescaped(text)
    if unescaped != text:
        yield unescaped
    if whole:
        yield text[::-1]
        yield codecs.encode(text, "rot13")
    for word in set(_WORD.findall(_BROKEN.sub("", text))):
        yield from _of_word(word)


def _unescaped(text: str) -> str:
    """The text without percent-encoding, entities, escapes and other forms of the same characters."""
    return unicodedata.normalize("NFKC", _ESCAPE.sub(_character, html.unescape(unquote(text, errors="replace"))))


def _character(found: re.Match[str]) -> str:
    number = int(next(filter(None, found.groups())), 16)
    return chr(number) if number <= 0x10FFFF and not 0xD800 <= number <= 0xDFFF else ""


def _of_word(word: str) -> Iterator[str]:
    for decode in _DECODERS:
        try:
            content = decode(word.rstrip("="))
        except (ValueError, binascii.Error):
            continue
        text = _as_text(content)
        if text is not None:
            yield text


def _as_text(content: bytes) -> str | None:
    """The bytes as text, decompressed if they are compressed; None for what is no text."""
    if content.startswith(_COMPRESSED):
        content = _decompressed(content)
    for encoding in ("utf-8", "utf-16-le"):
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        if len(text) >= 8 and all(character.isprintable() or character.isspace() for character in text):
            return text
    return None


def _decompressed(content: bytes) -> bytes:
    try:
        return zlib.decompressobj(zlib.MAX_WBITS | 32).decompress(content, _MOST_OF_ONE)
    except zlib.error:
        return b""


def _base64(word: str) -> bytes:
    return base64.b64decode(word.translate(str.maketrans("-_", "+/")) + "=" * (-len(word) % 4), validate=True)


def _base32(word: str) -> bytes:
    return base64.b32decode(word + "=" * (-len(word) % 8), casefold=True)


def _hexadecimal(word: str) -> bytes:
    if not _HEX.fullmatch(word):
        raise ValueError("not hexadecimal")
    return bytes.fromhex(word)


_DECODERS: Sequence[Callable[[str], bytes]] = (_base64, _base32, _hexadecimal)
