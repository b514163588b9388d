"""Masking what is known to be secret in what others say: servers repeat the keys that they are shown."""

from ..logs import MASK

#: The beginning of a secret says something from so many characters on.
_TELLING = 4


def without(secret: str, text: str) -> str:
    """`text` with the secret masked, also where its end was cut off with the text's."""
    text = text.replace(secret, MASK)
    longest = next((n for n in range(len(secret) - 1, _TELLING - 1, -1) if text.endswith(secret[:n])), 0)
    return text[: len(text) - longest] + MASK if longest else text
