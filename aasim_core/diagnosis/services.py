"""Checks of the servers that are not the database: Redis and mail."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..jobs.notify.notifier import open_queue
from ..outbound.mail import NotSent, refuse_unreachable
from ..plugins.checks import Unwell
from .parts import Parts

_SECONDS = 3


def queue(parts: Parts) -> Mapping[str, Any]:
    """What wakes the workers can be used."""
    url = parts.settings.queue.url
    if url.startswith("redis"):
        return _ping(url)
    if Path(url.removeprefix("sqlite:///")).exists():
        open_queue(url).close()
    return {"kind": "file"}


def rate_limits(parts: Parts) -> Mapping[str, Any]:
    """What counts the requests answers."""
    section = parts.settings.rate_limits
    if not section.enabled:
        return {"enabled": False}
    return _ping(section.url) if section.url.startswith("redis") else {"kind": "memory"}


def mail(parts: Parts) -> Mapping[str, Any]:
    """The mail server would take a mail, as far as that is known before one is sent."""
    section = parts.settings.mail
    if section.backend != "smtp":
        if parts.settings.server.is_public:
            what = "written to the log" if section.backend == "console" else "dropped"
            raise Unwell(f"mails are {what} instead of being sent; configure mail.backend and mail.host")
        return {"backend": section.backend}
    try:
        refuse_unreachable(section)
    except NotSent as error:
        raise Unwell(f"{error}, so that mails wait and fail after six tries; correct [mail], or start the server") from error
    return {"server": f"{section.host}:{section.port}"}


def _ping(url: str) -> Mapping[str, Any]:
    import redis

    with redis.Redis.from_url(url, socket_timeout=_SECONDS, socket_connect_timeout=_SECONDS) as client:
        return {"kind": "redis", "version": client.info("server")["redis_version"]}
