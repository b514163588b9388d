"""The addresses that engines may reach: the internet, the operator's allowed networks, and loopback on a machine without other users."""

from collections.abc import Sequence
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from aasim_core.outbound.egress import Egress


def egress_of(allowed_networks: Sequence[str], *, with_loopback: bool) -> "Egress":
    """The rule for a provider's engines; an Ollama of one's own needs no setting where the server is for its own machine only."""
    from aasim_core.outbound.egress import LOOPBACK, Egress

    return Egress((*allowed_networks, *(LOOPBACK if with_loopback else ())))


def closed_url(egress: "Egress", base_url: str | None, setting: str) -> str | None:
    """Why an engine cannot be at the URL, with the `setting` that would allow it; None where it can, or its name has to be looked up."""
    host = urlsplit(base_url).hostname if base_url else None
    if host is None or not egress.closes(host):
        return None
    return f"Engines may not be at {host}, unless the operator allows it in {setting}."
