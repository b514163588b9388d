"""The form of API keys: recognisable by secret scanners, and checked for typing errors without the database."""

import re
import zlib
from dataclasses import dataclass
from hashlib import sha256
from secrets import choice

from ..secrets import Secret

_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
#: What every key begins with.
PREFIX = "aasim_sk_"
_SHAPE = re.compile(rf"{PREFIX}[0-9A-Za-z]{{8}}_[0-9A-Za-z]{{38}}")
_CHECKSUM_LENGTH = 6


@dataclass(frozen=True)
class NewKey:
    """A new key: `secret` is shown once, the rest is stored."""

    secret: Secret
    digest: str
    prefix: str
    last_four: str


def generate() -> NewKey:
    """A fresh key ``aasim_sk_<8>_<32><6>``: 8 characters that name it, 32 secret ones (190 bits), 6 of checksum."""
    body = f"{PREFIX}{_random(8)}_{_random(32)}"
    key = body + _checksum(body)
    return NewKey(Secret(key), digest_of(key), key[:17], key[-4:])


def is_well_formed(text: str) -> bool:
    """Whether `text` is a key that `generate` can have made; any typing error makes it False."""
    return _SHAPE.fullmatch(text) is not None and _checksum(text[:-_CHECKSUM_LENGTH]) == text[-_CHECKSUM_LENGTH:]


def looks_like_key(text: str) -> bool:
    """Whether `text` is meant as an API key rather than as a token."""
    return text.startswith(PREFIX)


def digest_of(key: str) -> str:
    """What is stored of a key: SHA-256 in hexadecimal; a key is random enough to need no salt."""
    return sha256(key.encode()).hexdigest()


def _checksum(text: str) -> str:
    """CRC-32 in base 62, the first digit first."""
    number = zlib.crc32(text.encode())
    digits = [_ALPHABET[number // 62**power % 62] for power in range(_CHECKSUM_LENGTH - 1, -1, -1)]
    return "".join(digits)


def _random(length: int) -> str:
    return "".join([choice(_ALPHABET) for _ in range(length)])
