"""Mask everything in the log that looks like a secret."""

import re

MASK = "***"
# Our own API keys and tokens, webhook secrets, JSON Web Tokens, credentials in headers, and passwords in URLs.
_SECRET = re.compile(
    r"aasim_(?:sk|rt|pr|iv|ev)_[\w-]+"
    r"|whsec_[\w+/=-]+"
    r"|eyJ[\w-]+(?:\.[\w-]+(?:\.[\w-]*)?)?"
    r"|\b(?:[Bb]earer|[Bb]asic) [\w.~+/=-]{8,}"
    r"|(?<=://)[^\s:/@\"]+:[^\s/@\"]+(?=@)"
)

# What every secret has in it: looking for these first costs a twentieth of looking for the pattern.
_MARKS = ("aasim_", "whsec_", "eyJ", "earer ", "asic ", "://")


def redacted(text: str) -> str:
    """`text` with everything that looks like a secret masked."""
    for mark in _MARKS:
        if mark in text:
            return _SECRET.sub(MASK, text)
    return text
