"""Checks for settings: each takes a value and returns what to write instead, or None."""

import re
from collections.abc import Callable
from ipaddress import ip_address, ip_network
from urllib.parse import urlsplit


def between(least: float, most: float) -> Callable[[float], str | None]:
    """Require a number from `least` to `most`."""
    return lambda value: None if least <= value <= most else f"write a number from {least} to {most}"


def at_least(least: float) -> Callable[[float], str | None]:
    """Require a number of at least `least`."""
    return lambda value: None if value >= least else f"write a number of at least {least}"


def split_address(address: str) -> tuple[str, int]:
    """Return the host and port of ``host:port`` or ``[ipv6]:port``; raises ValueError."""
    parts = urlsplit(f"//{address}")
    if parts.hostname is None or parts.port is None or parts.netloc != address or "@" in address:
        raise ValueError(f"{address!r} is not host:port")
    return parts.hostname, parts.port


def is_address(value: str) -> str | None:
    """Require an address to listen on: ``host:port``."""
    try:
        split_address(value)
    except ValueError:
        return 'write host:port, such as "127.0.0.1:8000" or "[::1]:8000"'
    return None


def is_mailbox(value: str) -> str | None:
    """Require a sender's e-mail address, with or without a name (RFC 5322)."""
    from email.errors import MessageError
    from email.headerregistry import Address
    from email.utils import parseaddr

    try:
        is_whole = bool(Address(addr_spec=parseaddr(value)[1]).domain)
    except (ValueError, IndexError, MessageError):
        is_whole = False
    return None if is_whole else 'write an address, such as "Shop <shop@example.com>"'


def is_link_template(value: str) -> str | None:
    """Require an empty value, or a web address with the placeholders ``{kind}``, ``{id}`` and ``{token}`` after its host, and no others."""
    example = 'such as "https://portal.example.com/{kind}/{id}?token={token}"'
    parts = urlsplit(value)
    is_safe = parts.scheme == "https" or (parts.scheme == "http" and is_loopback(parts.hostname or ""))
    if value and (not is_safe or not parts.hostname or "{" in parts.netloc or not value.isascii() or " " in value):
        return f"write an address that begins with https://, {example}"
    places = set(re.findall(r"\{([^{}]*)\}", value))
    if value and places != {"kind", "id", "token"}:
        return f"write an address with {{kind}}, {{id}} and {{token}}, and no other placeholders, {example}"
    return None


def is_loopback(host: str) -> bool:
    """Return whether only this machine can reach `host`."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def is_database_url(value: str) -> str | None:
    """Require a SQLite file or a PostgreSQL database."""
    if value.startswith("sqlite:///") or urlsplit(value).scheme in ("postgresql", "postgres"):
        return None
    return 'write "sqlite:///path/to/file.db" (four slashes for an absolute path) or "postgresql://user:password@host:5432/name"'


def is_queue_url(value: str) -> str | None:
    """Require a SQLite file or a Redis database."""
    if value.startswith("sqlite:///") or urlsplit(value).scheme in ("redis", "rediss"):
        return None
    return 'write "sqlite:///path/to/file.db" or "redis://host:6379/0"'


def is_counter_url(value: str) -> str | None:
    """Require a store for counters."""
    if value == "memory://" or urlsplit(value).scheme in ("redis", "rediss"):
        return None
    return 'write "memory://" (counted in each process) or "redis://host:6379/1" (counted once for all)'


def is_optional_web_url(value: str) -> str | None:
    """Require an empty value or the root of a web site."""
    parts = urlsplit(value)
    if not value or (parts.scheme in ("http", "https") and parts.netloc and parts.path in ("", "/") and not parts.query):
        return None
    return 'write the address without a path, such as "https://agents.example.com"'


def are_origins(values: tuple[str, ...]) -> str | None:
    """Require web origins, or ``*`` alone."""
    if values == ("*",) or all(_is_origin(value) for value in values):
        return None
    return 'write origins without a path, such as ["https://app.example.com"]'


def are_networks(values: tuple[str, ...]) -> str | None:
    """Require IP addresses or networks."""
    try:
        for value in values:
            ip_network(value)
    except ValueError:
        return 'write addresses or networks, such as ["10.0.0.5", "10.1.0.0/16"]'
    return None


def _is_origin(value: str) -> bool:
    parts = urlsplit(value)
    return parts.scheme in ("http", "https") and bool(parts.hostname) and value == f"{parts.scheme}://{parts.netloc}"
