"""Base64url without padding (RFC 4648, section 5), as tokens and keys are written."""

import base64


def encode(data: bytes) -> str:
    """The text that stands for `data`."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def decode(text: str) -> bytes:
    """The bytes that `text` stands for; ValueError for any text but the one that `encode` makes of them."""
    try:
        data = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except ValueError as error:
        raise ValueError("this is not base64url") from error
    if encode(data) != text:
        raise ValueError("this is not base64url")
    return data
