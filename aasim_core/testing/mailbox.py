"""A mail server on the loopback interface, which keeps received mails; it needs the package aiosmtpd."""

import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from email import message_from_bytes
from email.policy import default
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..settings import Settings


class Inbox:
    """Keeps what arrives; takes no mail for ``gone.example``, and none at all when `full`."""

    def __init__(self) -> None:
        self.mails: list[Any] = []
        self.full = False

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:  # noqa: N802
        """Take the recipient, or not."""
        if self.full:
            return "452 mailbox full"
        if address.endswith("@gone.example"):
            return "550 no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        """Keep the mail."""
        self.mails.append(message_from_bytes(envelope.content, policy=default))
        return "250 OK"

    def to(self, address: str) -> list[Any]:
        """The mails to the address, the oldest first."""
        return [mail for mail in self.mails if mail["To"] == address]

    def token(self, address: str | None = None) -> str:
        """The token in the youngest mail, or in the youngest to the address."""
        mail = (self.mails if address is None else self.to(address))[-1]
        found = re.search(r"aasim_[a-z]{2}_[A-Za-z0-9_-]{43}", mail.get_content())
        assert found  # noqa: S101 - callers expect one
        return found[0]


@contextmanager
def serving(inbox: Inbox, settings: "Settings") -> "Iterator[Settings]":
    """Run the server; gives the settings by which an app sends its mails there."""
    from aiosmtpd.controller import Controller

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = Controller(inbox, hostname="127.0.0.1", port=port)
    server.start()
    try:
        mail = replace(settings.mail, backend="smtp", host="127.0.0.1", port=port, encryption="none")
        yield replace(settings, mail=mail, http=replace(settings.http, public_url="https://agents.example.com"))
    finally:
        server.stop()
