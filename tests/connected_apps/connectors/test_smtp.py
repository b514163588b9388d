"""Mail servers, against aiosmtpd on loopback."""

import ssl
from collections.abc import Iterator
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult

from aasim_core.testing.databases import Databases
from aasim_plugins.connected_apps.connecting import AppError

from ...bench.processes import free_port
from ...certificates import self_signed
from ..conftest import Apps

MAIL = {"to": "grace@example.com", "subject": "Grüße", "text": "Your order\n.\nhas left."}


@pytest.fixture
def databases(sqlite_folder: Databases) -> Databases:
    """One database will do: what is sent does not depend on it."""
    return sqlite_folder


class Inbox:
    """Keeps what arrives; refuses recipients at ``gone.example``, and everything at ``full.example`` for now."""

    def __init__(self) -> None:
        self.envelopes: list[Any] = []

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:  # noqa: N802
        if address.endswith("@gone.example"):
            return "550 no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        self.envelopes.append(envelope)
        return "250 OK"


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for 127.0.0.1 that signs itself, and its key."""
    return self_signed(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def inbox() -> Inbox:
    return Inbox()


@pytest.fixture
def server(inbox: Inbox, certificate: Path) -> Iterator[int]:
    """A mail server that wants STARTTLS and a password, now only of robots, and takes addresses in ASCII only; its port."""

    def check(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
        if data.login == b"later":
            return AuthResult(success=False, handled=False, message="454 4.7.0 Temporary authentication failure")
        return AuthResult(success=(data.login, data.password) == (b"robot", b"sentinel-pw"), handled=False)

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    port = free_port()
    controller = Controller(
        inbox, hostname="127.0.0.1", port=port, authenticator=check, auth_required=True, require_starttls=True,
        tls_context=context, decode_data=False, enable_SMTPUTF8=False, ready_timeout=60,
    )  # fmt: skip
    controller.start()
    yield port
    controller.stop()


def connect(apps: Apps, port: int, **more: Any) -> dict[str, Any]:
    config = {"host": "127.0.0.1", "port": port, "sender": "Shop <shop@example.com>", **more.pop("config", {})}
    return apps.connect(
        **{
            "name": "Mail", "provider": "smtp", "auth_type": "basic",
            "credentials": {"username": "robot", "password": "sentinel-pw"}, **more,
        },
        config=config,
    )  # fmt: skip


@pytest.fixture
def trusted(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The operator trusts the server's certificate."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))


@pytest.mark.usefixtures("trusted")
def test_a_mail_is_sent_over_tls_with_the_password(apps: Apps, server: int, inbox: Inbox) -> None:
    made = connect(apps, server)

    assert apps.call(made, "send_mail", MAIL) == {"sent": True, "to": "grace@example.com"}

    (envelope,) = inbox.envelopes
    message = message_from_bytes(envelope.content, policy=default)
    assert (message["From"], message["To"], message["Subject"]) == ("Shop <shop@example.com>", MAIL["to"], MAIL["subject"])
    assert message.get_content().splitlines() == MAIL["text"].splitlines()


@pytest.mark.long
@pytest.mark.usefixtures("trusted")
def test_a_repeated_mail_can_be_known_by_its_id(apps: Apps, server: int, inbox: Inbox) -> None:
    made = connect(apps, server)

    for key in ("exec_1:call_1", "exec_1:call_1", "exec_1:call_2"):
        apps.call(made, "send_mail", MAIL, idempotency_key=key)

    ids = [message_from_bytes(envelope.content, policy=default)["Message-ID"] for envelope in inbox.envelopes]
    assert ids[0] == ids[1] != ids[2]


def test_it_is_an_operation_that_sends(apps: Apps, server: int) -> None:
    made = connect(apps, server)

    (told,) = apps.client.get(f"/connected-apps/{made['id']}/operations").data["items"]

    assert (told["name"], told["effect"], told["idempotent"], told["confirmed"]) == ("send_mail", "send", False, True)


def test_a_certificate_that_nobody_trusts_ends_it_before_the_password(apps: Apps, server: int, inbox: Inbox) -> None:
    made = connect(apps, server)

    with pytest.raises(AppError) as caught:
        apps.call(made, "send_mail", MAIL)

    assert (caught.value.code, caught.value.unknown, inbox.envelopes) == ("unavailable", False, [])


@pytest.mark.usefixtures("trusted")
def test_a_server_that_takes_no_password_just_now_needs_no_person(apps: Apps, server: int) -> None:
    made = connect(apps, server, credentials={"username": "later", "password": "sentinel-pw"})

    with pytest.raises(AppError) as caught:
        apps.call(made, "send_mail", MAIL)

    assert (caught.value.code, apps.read(made)["status"]) == ("unavailable", "error")


@pytest.mark.usefixtures("trusted")
def test_a_wrong_password_needs_a_person_and_is_not_shown(apps: Apps, server: int) -> None:
    made = connect(apps, server, credentials={"username": "robot", "password": "sentinel-of-another"})

    with pytest.raises(AppError) as caught:
        apps.call(made, "send_mail", MAIL)

    assert caught.value.code == "auth"
    assert "sentinel" not in caught.value.message
    assert apps.read(made)["status"] == "needs_reauth"


@pytest.mark.usefixtures("trusted")
@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ({"to": "grace@gone.example"}, "refused"),
        ({"to": "grace@example.com, eve@example.com"}, "invalid_arguments"),
        ({"to": "grace@example.com\r\nBcc: eve@example.com"}, "invalid_arguments"),
        ({"subject": "Hello\r\nBcc: eve@example.com"}, "invalid_arguments"),
    ],
)
def test_what_cannot_be_sent_is_told(apps: Apps, server: int, inbox: Inbox, arguments: Any, code: str) -> None:
    made = connect(apps, server)

    with pytest.raises(AppError) as caught:
        apps.call(made, "send_mail", {**MAIL, **arguments})

    assert (caught.value.code, inbox.envelopes) == (code, [])


@pytest.mark.usefixtures("trusted")
def test_a_test_logs_in_and_sends_nothing(apps: Apps, server: int, inbox: Inbox) -> None:
    made = connect(apps, server)

    outcome = apps.client.post(f"/connected-apps/{made['id']}/test").data

    assert [step["status"] for step in outcome["steps"]] == ["passed", "skipped", "passed", "passed"]
    assert inbox.envelopes == []


@pytest.mark.usefixtures("trusted")
def test_an_address_that_the_server_does_not_take_says_nothing_about_the_app(apps: Apps, server: int) -> None:
    made = connect(apps, server)

    with pytest.raises(AppError, match="xn--") as caught:
        apps.call(made, "send_mail", {**MAIL, "to": "grace@exämple.com"})

    assert (caught.value.code, caught.value.unknown) == ("invalid_arguments", False)
    assert apps.read(made)["status"] == "connected"


@pytest.mark.usefixtures("trusted")
def test_a_password_that_mail_servers_do_not_take_needs_another(apps: Apps, server: int) -> None:
    made = connect(apps, server, credentials={"username": "robot", "password": "sentinel-pässword"})

    outcome = apps.client.post(f"/connected-apps/{made['id']}/test").data

    assert "ASCII" in outcome["steps"][2]["message"]
    assert apps.read(made)["status"] == "needs_reauth"


def test_a_password_does_not_go_out_in_the_clear(apps: Apps, server: int) -> None:
    body = {
        "name": "Mail", "provider": "smtp", "auth_type": "basic",
        "credentials": {"username": "robot", "password": "sentinel-pw"},
        "config": {"host": "127.0.0.1", "port": server, "sender": "shop@example.com", "encryption": "none"},
    }  # fmt: skip
    made = apps.connect(**body)

    with pytest.raises(AppError, match="in the clear"):
        apps.call(made, "send_mail", MAIL)
