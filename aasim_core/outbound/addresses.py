"""Where other people's services are, and the rule that a secret is sent only to the addresses that it was written for."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Address:
    """Where a service is: `tls` if the connection begins with it."""

    host: str
    port: int
    tls: bool

    @classmethod
    def of(cls, url: str) -> Self:
        """Where a URL of HTTP leads; neither its path nor its query counts."""
        parts = urlsplit(url)
        is_tls = parts.scheme == "https"
        return cls(parts.hostname or "", parts.port or (443 if is_tls else 80), is_tls)


def leads_elsewhere(before: Sequence[object], after: Sequence[object]) -> bool:
    """Whether a secret that was written for the one addresses would be sent to another one by a change to the others.

    Who may change the addresses need not know the secret, so they have to write it again then. The addresses are compared one by one:
    what is sent to one of a service's hosts is nothing for its others. Fewer of them are nothing new.
    """
    return list(after) != list(before)[: len(after)]
