"""An SMTP client based on smtplib, over guarded sockets and within the call's limits."""

import io
import smtplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from typing import Any

import httpcore2

from aasim_core.outbound.deadlines import PatientBackend
from aasim_core.outbound.egress import GuardedBackend

from ..connecting import AppError, Connection
from .rest import failures
from .smtp_config import address_of, encryption_of

# A ValueError comes of answers that are no base64 where they should be.
_LOST = (smtplib.SMTPException, OSError, ValueError, httpcore2.NetworkError, httpcore2.TimeoutException)


def send(connection: Connection, message: EmailMessage) -> None:
    """Hand the message to the mail server."""
    with _server(connection) as server, _failures(connection, "the connection to the mail server was lost", may_repeat=False):
        _deliver(server, message)


def probe(connection: Connection) -> None:
    """Log in, and send nothing."""
    with _server(connection) as server, _failures(connection, "the connection to the mail server was lost", may_repeat=True):
        server.noop()


def _deliver(server: smtplib.SMTP, message: EmailMessage) -> None:
    try:
        server.send_message(message)
    except smtplib.SMTPNotSupportedError as error:
        told = "the mail server takes only ASCII in to and sender; write a domain such as exämple.com as xn--exmple-cua.com"
        raise AppError("invalid_arguments", told) from error
    except smtplib.SMTPRecipientsRefused as error:
        code = max(code for code, _ in error.recipients.values())
        raise AppError("refused", f"the mail server refused the recipient ({code})") from error
    except smtplib.SMTPResponseException as error:
        raise AppError("refused" if error.smtp_code >= 500 else "unavailable", _answered(error)) from error


@contextmanager
def _server(connection: Connection) -> Iterator[smtplib.SMTP]:
    """The mail server, greeted and logged in to."""
    server = _Client(connection)
    try:
        with _failures(connection, "the mail server cannot be used", may_repeat=True):
            server.open()
            _log_in(server, connection)
        yield server
    finally:
        server.close()


@contextmanager
def _failures(connection: Connection, told: str, *, may_repeat: bool) -> Iterator[None]:
    with failures(connection, may_repeat=may_repeat):
        try:
            yield
        except _LOST as error:
            kind = type(error.__cause__ or error).__name__
            raise AppError("unavailable", f"{told} ({kind})", unknown=not may_repeat) from error


class _Client(smtplib.SMTP):
    """A client that connects where egress lets it, and begins with TLS where the configuration says so."""

    def __init__(self, connection: Connection) -> None:
        super().__init__()
        patience = connection.patience()
        self._backend = PatientBackend(patience, GuardedBackend(connection.egress, patience.check))
        self._address = address_of(connection.config)
        self._host = self._address.host  # whose certificate starttls asks for

    def open(self) -> None:
        """Connect, and be greeted."""
        code, _ = self.connect(self._address.host, self._address.port)
        if code != 220:
            raise AppError("unavailable", f"the mail server greeted with {code}")

    def _get_socket(self, host: str, port: int, timeout: float) -> "_Wire":
        wire = _Wire(self._backend.connect_tcp(host, port))
        return wire.encrypted(host) if self._address.tls else wire


class _Wire:
    """What smtplib takes for a socket."""

    def __init__(self, stream: httpcore2.NetworkStream) -> None:
        self._stream = stream

    def sendall(self, data: bytes) -> None:
        with _as_os_error():
            self._stream.write(data)

    def makefile(self, mode: str) -> io.BufferedReader:
        return io.BufferedReader(_Reader(self._stream))

    def close(self) -> None:
        self._stream.close()

    def encrypted(self, host: str) -> "_Wire":
        """The same, from now on over TLS."""
        return _Wire(self._stream.start_tls(ssl.create_default_context(), host))


class _Reader(io.RawIOBase):
    def __init__(self, stream: httpcore2.NetworkStream) -> None:
        self._stream = stream

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        with _as_os_error():
            data = self._stream.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)


@contextmanager
def _as_os_error() -> Iterator[None]:
    """What smtplib knows as a lost connection, so that it keeps what it was told before."""
    try:
        yield
    except httpcore2.NetworkError as error:
        raise ConnectionError(str(error)) from error


class _Tls:
    """What smtplib takes for a TLS context."""

    def wrap_socket(self, wire: _Wire, server_hostname: str) -> _Wire:
        return wire.encrypted(server_hostname)


def _log_in(server: smtplib.SMTP, connection: Connection) -> None:
    encryption, login = encryption_of(connection.config), _login(connection)
    if login and encryption == "none":
        raise AppError("refused", "the password does not go out in the clear; set encryption to starttls or tls")
    if encryption == "starttls":
        context: Any = _Tls()
        server.starttls(context=context)
    try:
        if login:
            server.login(*login)
    except smtplib.SMTPAuthenticationError as error:
        is_final = error.smtp_code >= 500
        raise AppError("auth" if is_final else "unavailable", _answered(error), is_final=is_final) from error


def _login(connection: Connection) -> tuple[str, str] | None:
    if "username" not in connection.credentials:
        return None
    username, password = (connection.credentials[name].reveal() for name in ("username", "password"))
    if not (username + password).isascii():
        raise AppError("auth", "user name and password of a mail server have to be ASCII; set others there", is_final=True)
    return username, password


def _answered(error: smtplib.SMTPResponseException) -> str:
    return f"the mail server answered {error.smtp_code}"
