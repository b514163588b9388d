"""Test an app step by step: its name, its certificate, its credentials, and a call without effect."""

import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from aasim_core.outbound.secret_addresses import Address

from ..connecting import AppError, Connection, Connector, not_allowed
from ..credentials.app_status import note_failure
from ..credentials.vault import hiding
from ..models import ConnectedApp
from ..registry import connector_of
from .calling import with_good_tokens, with_one_refresh

if TYPE_CHECKING:
    from aasim_core.app import App

DNS, TLS, AUTH, CALL = STEPS = ("dns", "tls", "auth", "call")
PASSED, FAILED, SKIPPED = "passed", "failed", "skipped"
_SECONDS = 20.0
#: Failures after which the validity of the credentials is unknown.
_WITHOUT_AN_ANSWER = frozenset(("unavailable", "timeout", "not_allowed", "not_connected", "cancelled"))


class Probe:
    """One test: what each step found; after one that failed, the others are skipped."""

    def __init__(self) -> None:
        self.steps: list[dict[str, Any]] = []
        self.error: AppError | None = None

    def do(self, name: str, step: Callable[[], None] | None, duration_ms: int | None = None) -> None:
        """Do one step, or skip it where there is nothing to do."""
        if step is None or self.error is not None:
            self.steps.append({"step": name, "status": SKIPPED, "duration_ms": 0, "message": None})
            return
        began = time.monotonic()
        try:
            step()
        except AppError as error:
            self.error = error
        took = round((time.monotonic() - began) * 1000) if duration_ms is None else duration_ms
        told = self.error.message if self.error else None
        self.steps.append({"step": name, "status": FAILED if self.error else PASSED, "duration_ms": took, "message": told})


def probe(app: "App", row: ConnectedApp) -> Probe:
    """Test the app, whatever its status; raises nothing. Call it outside of transactions."""
    outcome = Probe()
    try:
        connector = connector_of(app, row.provider)
        row, connection = with_good_tokens(app, row, connector, _SECONDS)
    except AppError as error:
        for name in (DNS, TLS):
            outcome.do(name, None)
        outcome.do(AUTH, _raising(error))
        outcome.do(CALL, None)
        return outcome
    _reach(outcome, connector, connection)
    if outcome.error is not None:
        note_failure(app, row, outcome.error)
    _ask(outcome, lambda: with_one_refresh(app, row, connector, connection, _probed(connector)))
    return outcome


def _reach(outcome: Probe, connector: Connector, connection: Connection) -> None:
    address = next(iter(connector.addresses(connection.config)), None)
    outcome.do(DNS, None if address is None else lambda: _resolve(connection, address))
    outcome.do(TLS, None if address is None or not address.tls else lambda: _shake_hands(connection, address))


def _ask(outcome: Probe, ask: Callable[[], None]) -> None:
    began = time.monotonic()
    error = _failure(ask) if outcome.error is None else None
    duration_ms = round((time.monotonic() - began) * 1000)
    # One call shows both: an app that answers anything but a refusal of the credentials has taken them.
    is_refused, is_answered = error is not None and error.code == "auth", error is None or error.code not in _WITHOUT_AN_ANSWER
    outcome.do(AUTH, _raising(error if is_refused else None) if is_answered else None, duration_ms)
    outcome.do(CALL, _raising(error), duration_ms)


def _probed(connector: Connector) -> Callable[[Connection], None]:
    def ask(connection: Connection) -> None:
        with hiding(connection):
            connector.probe(connection)

    return ask


def _failure(ask: Callable[[], None]) -> AppError | None:
    try:
        ask()
    except AppError as error:
        return error
    return None


def _raising(error: AppError | None) -> Callable[[], None]:
    def step() -> None:
        if error is not None:
            raise error

    return step


def _resolve(connection: Connection, address: Address) -> None:
    with _told(address):
        connection.egress.resolve(address.host, address.port)


def _shake_hands(connection: Connection, address: Address) -> None:
    with _told(address), connection.egress.connect(address.host, address.port, connection.seconds_left) as plain:
        plain.settimeout(connection.seconds_left)
        with ssl.create_default_context().wrap_socket(plain, server_hostname=address.host):
            return


@contextmanager
def _told(address: Address) -> Iterator[None]:
    from aasim_core.outbound.egress import NotAllowed

    try:
        yield
    except NotAllowed as error:
        raise not_allowed(error.host) from error
    except ssl.SSLCertVerificationError as error:
        raise AppError("unavailable", f"the certificate of {address.host} is not good: {error.verify_message}") from error
    except (OSError, UnicodeError) as error:
        raise AppError("unavailable", f"{address.host}:{address.port} cannot be reached ({type(error).__name__})") from error
