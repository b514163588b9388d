"""The connector for mail servers: it sends mails, by SMTP."""

import smtplib
import socket
import ssl
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from email.errors import MessageError
from hashlib import sha256
from threading import Timer
from typing import Any

from aasim_core.outbound.mail import Mail, compose

from ..connecting import Address, AppError, AuthType, Call, Connection, Connector, Operation, not_allowed

_PORTS = {"starttls": 587, "tls": 465, "none": 25}
_CONFIG: Mapping[str, Any] = {
    "type": "object",
    "required": ["host", "sender"],
    "additionalProperties": False,
    "properties": {
        "host": {"type": "string", "pattern": "^[A-Za-z0-9._:-]{1,253}$"},
        "port": {"type": "integer", "minimum": 1, "maximum": 65535, "description": "587, with tls 465, if left out."},
        "encryption": {"enum": list(_PORTS), "description": "starttls if left out."},
        "sender": {"type": "string", "maxLength": 320, "description": "The From address: Shop <shop@example.com>."},
    },
}
_TEXT = {"type": "string", "minLength": 1, "maxLength": 4096}
_CREDENTIALS: Mapping[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "properties": {"username": {**_TEXT, "writeOnly": False}, "password": _TEXT},
    "dependentRequired": {"username": ["password"], "password": ["username"]},
}
_SEND = Operation(
    name="send_mail",
    description="Send a mail in plain text to one person.",
    parameters={
        "type": "object",
        "required": ["to", "subject", "text"],
        "additionalProperties": False,
        "properties": {
            "to": {"type": "string", "maxLength": 254, "description": "The address of the recipient."},
            "subject": {"type": "string", "minLength": 1, "maxLength": 500},
            "text": {"type": "string", "maxLength": 100_000},
        },
    },
    effect="send",
)


def connector() -> Connector:
    """The connector `smtp`."""
    return Connector(
        name="smtp",
        title="Mail server",
        credentials={"basic": _CREDENTIALS},
        config=_CONFIG,
        addresses=lambda config: [_address(config)],
        call=_call,
        probe=_probe,
        flaws=_flaws,
        operations=lambda config: [_SEND],
    )


def _encryption(config: Mapping[str, Any]) -> str:
    return str(config.get("encryption", "starttls"))


def _address(config: Mapping[str, Any]) -> Address:
    encryption = _encryption(config)
    return Address(config["host"], config.get("port", _PORTS[encryption]), encryption == "tls")


def _flaws(config: Mapping[str, Any], auth_type: AuthType) -> Iterable[tuple[str, str]]:
    try:
        compose(Mail("somebody@example.com", "x", "x"), config["sender"])
    except (ValueError, MessageError):
        yield "sender", "Write an address, such as Shop <shop@example.com>."


def _call(connection: Connection, asked: Call) -> Any:
    wanted = asked.arguments
    key = sha256(asked.idempotency_key.encode()).hexdigest()[:32]
    try:
        message = compose(Mail(wanted["to"], wanted["subject"], wanted["text"], id=key), connection.config["sender"])
    except (ValueError, MessageError) as error:
        raise AppError("invalid_arguments", "to has to be one address, and the subject one line") from error
    with _server(connection) as server:
        _deliver(server, message)
    return {"sent": True, "to": wanted["to"]}


def _deliver(server: smtplib.SMTP, message: Any) -> None:
    try:
        server.send_message(message)
    except smtplib.SMTPRecipientsRefused as error:
        code = max(code for code, _ in error.recipients.values())
        raise AppError("refused", f"the mail server refused the recipient ({code})") from error
    except smtplib.SMTPResponseException as error:
        raise AppError("refused" if error.smtp_code >= 500 else "unavailable", _answered(error)) from error
    except (smtplib.SMTPException, OSError) as error:
        raise AppError("unavailable", "the connection to the mail server was lost", unknown=True) from error


def _probe(connection: Connection) -> None:
    with _server(connection) as server:
        server.noop()


@contextmanager
def _server(connection: Connection) -> Iterator[smtplib.SMTP]:
    """The mail server, greeted and logged in to; it is cut off when the time of the call is over."""
    server = _Guarded(connection)
    clock = Timer(connection.seconds_left, _cut, [server])
    clock.daemon = True
    clock.start()
    try:
        server.open()
        _log_in(server, connection)
        yield server
    finally:
        clock.cancel()
        server.close()


def _cut(server: smtplib.SMTP) -> None:
    if server.sock is not None:
        with suppress(OSError):
            server.sock.shutdown(socket.SHUT_RDWR)  # wakes whoever reads from it, as closing does not


class _Guarded(smtplib.SMTP):
    """A client that connects where egress lets it, and begins with TLS where the configuration says so."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        super().__init__(timeout=connection.seconds_left)
        self._host = _address(connection.config).host  # whose certificate starttls asks for

    def open(self) -> None:
        """Connect, and be greeted."""
        address = _address(self._connection.config)
        with _connecting(self._connection):
            code, _ = self.connect(address.host, address.port)
        if code != 220:
            self.close()
            raise AppError("unavailable", f"the mail server greeted with {code}")

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        plain = self._connection.egress.connect(host, port, timeout)
        if not _address(self._connection.config).tls:
            return plain
        return ssl.create_default_context().wrap_socket(plain, server_hostname=host)


@contextmanager
def _connecting(connection: Connection) -> Iterator[None]:
    from aasim_core.outbound.egress import NotAllowed

    try:
        yield
    except NotAllowed as error:
        raise not_allowed(error.host) from error
    except (smtplib.SMTPException, OSError) as error:
        raise AppError("unavailable", f"the mail server cannot be used ({type(error).__name__})") from error


def _log_in(server: smtplib.SMTP, connection: Connection) -> None:
    has_password = "username" in connection.credentials
    if has_password and _encryption(connection.config) == "none":
        raise AppError("refused", "the password does not go out in the clear; set encryption to starttls or tls")
    with _connecting(connection):
        try:
            if _encryption(connection.config) == "starttls":
                server.starttls(context=ssl.create_default_context())
            if has_password:
                server.login(connection.credentials["username"].reveal(), connection.credentials["password"].reveal())
        except smtplib.SMTPAuthenticationError as error:
            raise AppError("auth", _answered(error), is_final=True) from error


def _answered(error: smtplib.SMTPResponseException) -> str:
    return f"the mail server answered {error.smtp_code}"
