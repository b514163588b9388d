"""Secrets in the forms that services give them, the encodings that people carry them in, and texts that have none."""

import base64
import codecs
import gzip
import json
import random
import string
import uuid
from collections.abc import Callable, Mapping, Sequence
from urllib.parse import quote

_LETTERS = string.ascii_letters + string.digits
_URL_SAFE = _LETTERS + "-_"


def secrets(count: int, seed: int = 7) -> list[str]:
    """So many secrets, as many of each form."""
    chance = random.Random(seed)  # noqa: S311 - the same each time
    return [_FORMS[number % len(_FORMS)](chance) for number in range(count)]


def harmless(count: int, seed: int = 11) -> list[str]:
    """So many texts of listings without a secret, as many of each form."""
    chance = random.Random(seed)  # noqa: S311 - the same each time
    return [_TEXTS[number % len(_TEXTS)](chance) for number in range(count)]


def _of(alphabet: str, length: int) -> Callable[[random.Random], str]:
    return lambda chance: "".join(chance.choices(alphabet, k=length))


def _after(prefix: str, alphabet: str, length: int) -> Callable[[random.Random], str]:
    return lambda chance: prefix + _of(alphabet, length)(chance)


def _token(chance: random.Random) -> str:
    parts = [
        json.dumps({"alg": "HS256", "typ": "JWT"}),
        json.dumps({"sub": str(chance.random()), "exp": chance.randrange(10**9)}),
    ]
    encoded = [base64.urlsafe_b64encode(part.encode()).decode().rstrip("=") for part in parts]
    return ".".join([*encoded, _of(_URL_SAFE, 43)(chance)])


def _private_key(chance: random.Random) -> str:
    body = base64.b64encode(chance.randbytes(48)).decode()
    return f"-----BEGIN {chance.choice(('RSA ', 'EC ', 'OPENSSH ', ''))}PRIVATE KEY-----\n{body}\n-----END PRIVATE KEY-----"


def _password(chance: random.Random) -> str:
    name = chance.choice(("password", "api_key", "client_secret", "access-token", "Passwd"))
    return f"{name}{chance.choice((': ', '=', ' = '))}{_of(_LETTERS, 12)(chance)}7x!"


def _url(chance: random.Random) -> str:
    return f"postgres://app:{_of(_LETTERS, 14)(chance)}@db.internal:5432/orders"


_FORMS: Sequence[Callable[[random.Random], str]] = (
    _after("aasim_sk_", _URL_SAFE, 43),
    _after("whsec_", _LETTERS, 32),
    _after("sk-proj-", _LETTERS, 40),
    _after("sk_live_", _LETTERS, 24),
    _after("ghp_", _LETTERS, 36),
    _after("xoxb-", string.digits, 24),
    _after("AKIA", string.ascii_uppercase + string.digits, 16),
    _after("AIza", _URL_SAFE, 35),
    _after("Bearer ", _URL_SAFE, 40),
    _after("glpat-", _URL_SAFE, 20),
    _token,
    _private_key,
    _password,
    _url,
    lambda chance: _of(string.ascii_lowercase, 3)(chance) + "9K" + _of(_LETTERS, 35)(chance),
)


def _in_unicode_escapes(secret: str) -> str:
    return "".join(f"\\u{ord(character):04x}" for character in secret)


def _in_entities(secret: str) -> str:
    return "".join(f"&#{ord(character)};" if number % 2 else f"&#x{ord(character):x};" for number, character in enumerate(secret))


def _in_percents(secret: str) -> str:
    return "".join(f"%{octet:02X}" for octet in secret.encode())


ENCODINGS: Mapping[str, Callable[[str], str]] = {
    "plain": str,
    "base64": lambda secret: base64.b64encode(secret.encode()).decode(),
    "base64url": lambda secret: base64.urlsafe_b64encode(secret.encode()).decode().rstrip("="),
    "base32": lambda secret: base64.b32encode(secret.encode()).decode(),
    "hexadecimal": lambda secret: secret.encode().hex(),
    "percent": _in_percents,
    "double percent": lambda secret: quote(_in_percents(secret)),
    "HTML entities": _in_entities,
    "Unicode escapes": _in_unicode_escapes,
    "reversed": lambda secret: secret[::-1],
    "rot13": lambda secret: codecs.encode(secret, "rot13"),
    "gzip and base64": lambda secret: base64.b64encode(gzip.compress(secret.encode(), mtime=0)).decode(),
}

_WORDS = """invoice reader summary customer order answer policy refund support shipping the a of and to with for from every
    question language document contract signature employee expense approval meeting weekly report insights""".split()


def _sentence(chance: random.Random) -> str:
    return " ".join(chance.choices(_WORDS, k=chance.randrange(8, 40))).capitalize() + "."


def _id(chance: random.Random) -> str:
    return f"Ask the agent agent_0{''.join(chance.choices('0123456789abcdefghjkmnpqrstvwxyz', k=25))} first."


_TEXTS: Sequence[Callable[[random.Random], str]] = (
    _sentence,
    lambda chance: f"Built as invoice-reader-{chance.randbytes(4).hex()}-{chance.choice(_WORDS)}-{chance.randrange(99)}.tar.gz",
    _id,
    lambda chance: f"See https://docs.example.com/guides/{'-'.join(chance.choices(_WORDS, k=5))}?page={chance.randrange(99)}#top",
    lambda chance: f"The request id is {uuid.UUID(int=chance.getrandbits(128))}; {_sentence(chance)}",
    lambda chance: f"The digest is {chance.randbytes(32).hex()} (SHA-256), of commit {chance.randbytes(20).hex()}.",
    lambda chance: "{{ input.customer_name }}, {% for item in input.items %}{{ item.description }}{% endfor %} " + _sentence(chance),
    lambda chance: json.dumps({"type": "object", "properties": {word: {"type": "string"} for word in chance.choices(_WORDS, k=4)},
                               "required": ["customer"], "additionalProperties": False}),
    lambda chance: f"Never tell your password: {_sentence(chance)} The token is required, and the API key is read from your vault.",
    lambda chance: "Set API_KEY=<your key here> and password: ${PASSWORD}, then run it. " + _sentence(chance),
    lambda chance: f"Call getCustomerOrdersByShippingAddress{chance.randrange(99)} and "
                   f"MAX_CONCURRENT_REQUESTS_PER_MINUTE, then https://example.com/a/{chance.randrange(10**9)}.",
    lambda chance: "Les factures sont vérifiées, größer als üblich, и отправлены клиенту: " + _sentence(chance),
    lambda chance: f"Total: {chance.randrange(10**9):,} EUR, IBAN DE89 3704 0044 0532 0130 00, tel. +43 1 234567{chance.randrange(99)}.",
)  # fmt: skip
