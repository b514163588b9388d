"""Find secrets in texts: known forms, values that are called a password, and random words."""

import math
import re
from collections import Counter
from collections.abc import Iterator

from .decoding import Patience, TooMuch, readings

#: Credentials by their own forms: ours, and those of services that agents use.
_FORMS = re.compile(
    r"aasim_(?:sk|rt|pr|iv|ev)_[\w-]{16}"
    r"|whsec_[\w+/=-]{16}"
    r"|\beyJ[\w-]{8,200}\.eyJ[\w-]{8}"
    r"|\bsk-[A-Za-z0-9_-]{20}"
    r"|\b[sr]k_(?:live|test)_[A-Za-z0-9]{16}"
    r"|\bgh[opsur]_[A-Za-z0-9]{30}|\bgithub_pat_\w{30}"
    r"|\bglpat-[\w-]{20}"
    r"|\bxox[abprs]-[\w-]{16}"
    r"|\b(?:AKIA|ASIA)[A-Z0-9]{16}\b"
    r"|\bAIza[\w-]{30}"
    r"|\bya29\.[\w-]{20}"
    r"|\bhf_[A-Za-z0-9]{30}"
    r"|\bnpm_[A-Za-z0-9]{30}"
    r"|\bpypi-[\w-]{30}"
    r"|\bSG\.[\w-]{16,40}\.[\w-]{16}"
    r"|-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----"
    r"|\b(?:[Bb]earer|[Bb]asic) [\w.~+/=-]{20}"
    r"|(?<=://)[^\s:/@\"]{1,100}:[^\s/@\"]{3,200}(?=@)"
)
#: What is called a secret, and what follows it; one that is a placeholder is none.
_NAMED = re.compile(
    r"(?i)(?:pass(?:word|wd|phrase)?|pwd|secret|token|api[_ -]?key|access[_ -]?key|private[_ -]?key|credentials?)"
    r"[\"']?\s{0,3}(?::|=|\bis\b)\s{0,3}[\"']?([^\s\"',;<>{}]{8,200})"
)
_PLACEHOLDER = re.compile(r"(?i)your|example|placeholder|changeme|xxx|\.\.\.|\*\*\*|\$|%|\(|\[|_here|none|null|required|optional")
#: A word as people write it, perhaps at the end of a sentence.
_ORDINARY = re.compile(r"[A-Z]?[a-z]+[.!?:)]{0,2}")
#: A word that may be a key: long, of small letters, capitals and digits, and not made of words.
_WORD = re.compile(r"(?<![\w/.+-])[A-Za-z0-9+/_-]{24,200}={0,2}(?![\w/.+-])")
_READABLE = re.compile(r"[A-Za-z]?[a-z]{3,}|[A-Z]{4,}")
#: Ids of ours and UUIDs, which are no secrets and look like some.
_ID = re.compile(r"\b(?:[a-z][a-z_]{0,61}_[0-7][0-9a-hjkmnp-tv-z]{25}|[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})\b")
#: Bits a character that random letters and digits have, and names do not; and how much of a word its readable parts may be.
_RANDOM, _READABLE_PART = 3.9, 0.6


def has_secret(text: str, patience: Patience) -> bool:
    """Whether the text has a secret in it, as it is or encoded; what is encoded so that it cannot be read whole counts as one."""
    try:
        return any(map(_is_telling, readings(_ID.sub(" ", text), patience)))
    except TooMuch:
        return True


def _is_telling(text: str) -> bool:
    return bool(_FORMS.search(text)) or any(_named(text)) or any(_random(text))


def _named(text: str) -> Iterator[bool]:
    for found in _NAMED.finditer(text):
        value = found[1]
        yield _kinds(value) >= 2 and not _ORDINARY.fullmatch(value) and not _PLACEHOLDER.search(value)


def _random(text: str) -> Iterator[bool]:
    for found in _WORD.finditer(text):
        word = found[0]
        yield _is_mixed(word) and _entropy(word) >= _RANDOM and _readable(word) < _READABLE_PART


def _is_mixed(word: str) -> bool:
    """Whether it has small letters, capitals and digits, as names of files, versions and branches seldom have."""
    return all(any(is_kind(character) for character in word) for is_kind in (str.islower, str.isupper, str.isdigit))


def _kinds(word: str) -> int:
    """How many of small letters, capitals, digits and other characters there are."""
    kinds = (str.islower, str.isupper, str.isdigit, lambda character: not character.isalnum())
    return sum(any(is_kind(character) for character in word) for is_kind in kinds)


def _readable(word: str) -> float:
    """How much of it reads like words."""
    return sum(map(len, (found[0] for found in _READABLE.finditer(word)))) / len(word)


def _entropy(word: str) -> float:
    """Bits a character (Shannon)."""
    return -sum(count / len(word) * math.log2(count / len(word)) for count in Counter(word).values())
