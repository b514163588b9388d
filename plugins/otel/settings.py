"""The section ``[otel]`` of the settings."""

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from aasim_core.settings import setting
from aasim_core.settings.checks import between

_HEADERS = re.compile(r"[!-+\--<>-~]+=[!-+\--~][ -+\--~]*(,[!-+\--<>-~]+=[!-+\--~][ -+\--~]*)*")


def _is_base_url(value: str) -> str | None:
    parts = urlsplit(value)
    is_fit = parts.scheme in ("http", "https") and parts.hostname and not (parts.query or parts.fragment or parts.username)
    return None if not value or is_fit else 'write where the collector is, such as "http://127.0.0.1:4318", or nothing'


def _are_headers(value: str) -> str | None:
    return (
        None if not value or _HEADERS.fullmatch(value) else 'write "name=value", several of them with commas between, or nothing'
    )


@dataclass(frozen=True)
class OtelSettings:
    """Where traces and metrics go, and what is in them."""

    endpoint: str = setting(
        "", "Where a collector takes OTLP over HTTP, without /v1/traces; empty sends nothing.", check=_is_base_url
    )
    headers: str = setting(
        "", 'What the collector wants to be sent besides, as "name=value,name=value".', check=_are_headers, secret=True
    )
    service_name: str = setting("aasim", "What the installation is called in traces and metrics.")
    sampled: float = setting(1.0, "Which part of the traces that begin here is sent, from 0 to 1.", check=between(0, 1))
    content: bool = setting(False, "Whether prompts, answers and what tools are given and return are sent too.")
    queue_size: int = setting(
        4096, "How many spans wait for the collector in each process; more are dropped.", check=between(1, 1_000_000)
    )

    def header_pairs(self) -> dict[str, str]:
        """The headers by name."""
        return dict(pair.split("=", 1) for pair in self.headers.split(",") if pair)
