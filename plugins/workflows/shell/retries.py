"""Compute when a failed node is retried."""

from collections.abc import Mapping
from hashlib import sha256
from typing import Any


def retry_after(retry: Mapping[str, Any], code: str, name: str, attempt: int) -> float | None:
    """After how many seconds the attempt of that number, from 1, is followed by another; None for never.

    ``retry`` is ``{max_attempts, base_seconds, max_seconds, on}``. It is twice as long each time, and up to a fifth more: by chance,
    but the same each time it is asked for the `name` of the node.
    """
    if attempt >= retry.get("max_attempts", 1) or (retry.get("on") and code not in retry["on"]):
        return None
    seconds = min(retry.get("max_seconds", 60.0), retry.get("base_seconds", 1.0) * 2 ** (attempt - 1))
    chance = sha256(f"{name} {attempt}".encode()).digest()[0] / 255
    return float(seconds * (1 + chance / 5))
