"""Mail: written to standard error until an SMTP server is configured."""

import smtplib
import ssl
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, make_msgid, parseaddr
from typing import TYPE_CHECKING, TextIO

from ..clock import now

if TYPE_CHECKING:
    from ..settings import Settings
    from ..settings.sections import MailSettings


class NotSent(Exception):
    """The mail was not sent; `permanent` means that retrying will not help."""

    def __init__(self, reason: str, *, permanent: bool = False) -> None:
        super().__init__(reason)
        self.permanent = permanent


@dataclass(frozen=True)
class Mail:
    """A plain-text mail to one person; `id` makes a repeated delivery recognizable as the same mail."""

    to: str
    subject: str
    text: str
    id: str | None = None


#: Sends one mail, or raises `NotSent`.
Mailer = Callable[[Mail], None]


def mailer_of(settings: "MailSettings", stream: TextIO | None = None) -> Mailer:
    """Return the mailer that the settings select; the console one writes to `stream`, and that of ``none`` drops mails."""
    if settings.backend == "none":
        return lambda mail: None
    if settings.backend == "console":
        return lambda mail: _print(compose(mail, settings.sender), stream or sys.stderr)
    return lambda mail: _send(compose(mail, settings.sender), settings)


def address_of(settings: "Settings") -> str:
    """Return the installation's base URL for links in mails."""
    return settings.http.public_url.rstrip("/") or f"http://{settings.server.bind}"


def compose(mail: Mail, sender: str) -> EmailMessage:
    """Return the message (RFC 5322); ValueError for an address or subject with a line break, which could forge headers."""
    name, address = parseaddr(sender)
    message = EmailMessage(SMTP)
    message["From"] = Address(name, addr_spec=address)
    message["To"] = Address(addr_spec=mail.to)
    message["Subject"] = mail.subject
    message["Date"] = format_datetime(now())
    domain = address.rpartition("@")[2]
    message["Message-ID"] = f"<{mail.id}@{domain}>" if mail.id else make_msgid(domain=domain)
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(mail.text)
    return message


def _print(message: EmailMessage, stream: TextIO) -> None:
    lines = [f"{name}: {message[name]}" for name in ("To", "Subject")] + ["", *message.get_content().splitlines()]
    stream.write("".join(f"mail | {line}\n" for line in lines))
    stream.flush()


def refuse_unreachable(settings: "MailSettings") -> None:
    """Go as far with the mail server as for a mail, and send none; `NotSent` says why one would not leave."""
    with _logged_in(settings) as server:
        server.noop()


def _send(message: EmailMessage, settings: "MailSettings") -> None:
    with _logged_in(settings) as server:
        server.send_message(message)


@contextmanager
def _logged_in(settings: "MailSettings") -> Iterator[smtplib.SMTP]:
    try:
        with _connection(settings) as server:
            if settings.encryption == "starttls":
                server.starttls(context=ssl.create_default_context())
            if settings.username:
                server.login(settings.username, settings.password)
            yield server
    except smtplib.SMTPRecipientsRefused as error:
        code = max(code for code, _ in error.recipients.values())
        raise NotSent(f"the mail server refused the recipient ({code})", permanent=code >= 500) from error
    except smtplib.SMTPResponseException as error:
        raise NotSent(f"the mail server answered {error.smtp_code}") from error
    except (smtplib.SMTPException, OSError) as error:
        raise NotSent(f"the mail server {settings.host}:{settings.port} cannot be used ({type(error).__name__})") from error


def _connection(settings: "MailSettings") -> smtplib.SMTP:
    if settings.encryption == "tls":
        context = ssl.create_default_context()
        return smtplib.SMTP_SSL(settings.host, settings.port, timeout=settings.timeout_seconds, context=context)
    return smtplib.SMTP(settings.host, settings.port, timeout=settings.timeout_seconds)
