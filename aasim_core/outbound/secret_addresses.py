"""Addresses of external services, and the rule that a secret is sent only to the addresses it was entered for."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Address:
    """The address of a service; `tls` if the connection starts with it."""

    host: str
    port: int
    tls: bool

    @classmethod
    def of(cls, url: str) -> Self:
        """Return the address of an HTTP URL, without path and query."""
        parts = urlsplit(url)
        is_tls = parts.scheme == "https"
        return cls(parts.hostname or "", parts.port or (443 if is_tls else 80), is_tls)


def leads_elsewhere(before: Sequence[object], after: Sequence[object]) -> bool:
    """Return whether changing the addresses would send a secret, entered for the old ones, to a new one.

    A person who may change the addresses need not know the secret, so it must be entered again then. The addresses are compared one by one:
    the secret for one of a service's hosts is not meant for its others. Removing addresses needs no new secret.
    """
    return list(after) != list(before)[: len(after)]
