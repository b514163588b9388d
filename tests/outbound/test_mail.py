"""Mail, against a real SMTP server on the loopback interface."""

from collections.abc import Iterator
from email import message_from_bytes
from email.errors import MessageError
from email.policy import default
from io import StringIO
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult

from aasim_core.outbound.mail import Mail, NotSent, compose, mailer_of
from aasim_core.settings.sections import MailSettings

from ..bench.processes import free_port

SENDER = "Aasim <aasim@example.com>"
MAIL = Mail("ada@example.com", "Grüße: a new password", "Open this link:\nhttps://aasim.test/reset\n.\nÄ", id="job_1")


class Inbox:
    """Keeps what arrives; refuses recipients at ``full.example`` for now and at ``gone.example`` for good."""

    def __init__(self) -> None:
        self.envelopes: list[Any] = []

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:  # noqa: N802
        if address.endswith("@full.example"):
            return "452 mailbox full"
        if address.endswith("@gone.example"):
            return "550 no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        self.envelopes.append(envelope)
        return "250 OK"


@pytest.fixture
def inbox() -> Inbox:
    return Inbox()


@pytest.fixture
def unused_port() -> int:
    return free_port()


@pytest.fixture
def server(inbox: Inbox, unused_port: int) -> Iterator[MailSettings]:
    def check(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
        return AuthResult(success=(data.login, data.password) == (b"robot", b"hunter2"), handled=False)

    controller = Controller(
        inbox,
        hostname="127.0.0.1",
        port=unused_port,
        authenticator=check,
        auth_require_tls=False,
        decode_data=False,
        ready_timeout=60,
    )
    controller.start()
    yield MailSettings(backend="smtp", sender=SENDER, host="127.0.0.1", port=unused_port, encryption="none", timeout_seconds=60)
    controller.stop()


def test_a_mail_arrives_as_it_was_written(server: MailSettings, inbox: Inbox) -> None:
    mailer_of(server)(MAIL)
    (envelope,) = inbox.envelopes
    message = message_from_bytes(envelope.content, policy=default)
    assert (envelope.mail_from, envelope.rcpt_tos) == ("aasim@example.com", ["ada@example.com"])
    assert message["From"] == SENDER
    assert message["Subject"] == MAIL.subject
    assert message["Message-ID"] == "<job_1@example.com>"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message.get_content().splitlines() == MAIL.text.splitlines()


def test_a_mail_is_sent_with_the_user_name_that_the_server_asks_for(server: MailSettings, inbox: Inbox) -> None:
    mailer_of(MailSettings(**{**vars(server), "username": "robot", "password": "hunter2"}))(MAIL)
    assert len(inbox.envelopes) == 1


def test_a_wrong_password_is_an_error_that_does_not_show_it(server: MailSettings, inbox: Inbox) -> None:
    with pytest.raises(NotSent, match="535") as caught:
        mailer_of(MailSettings(**{**vars(server), "username": "robot", "password": "hunter3"}))(MAIL)
    assert "hunter3" not in str(caught.value)
    assert not inbox.envelopes


@pytest.mark.parametrize(("address", "permanent"), [("ada@full.example", False), ("ada@gone.example", True)])
def test_a_refused_recipient_is_permanent_if_the_server_says_so(server: MailSettings, address: str, permanent: bool) -> None:
    with pytest.raises(NotSent) as caught:
        mailer_of(server)(Mail(address, "Hello", "Hello"))
    assert caught.value.permanent is permanent


def test_no_mail_goes_out_in_the_clear_when_encryption_is_asked_for(server: MailSettings, inbox: Inbox) -> None:
    with pytest.raises(NotSent):
        mailer_of(MailSettings(**{**vars(server), "encryption": "starttls"}))(MAIL)
    assert not inbox.envelopes


def test_a_server_that_does_not_answer_is_an_error_to_try_again_after(unused_port: int) -> None:
    settings = MailSettings(backend="smtp", sender=SENDER, host="127.0.0.1", port=unused_port, encryption="none")
    with pytest.raises(NotSent, match=f"127.0.0.1:{unused_port}") as caught:
        mailer_of(settings)(MAIL)
    assert not caught.value.permanent


@pytest.mark.parametrize("mail", [
    Mail("ada@example.com\r\nBcc: eve@example.com", "Hello", "Hello"),
    Mail("ada@example.com", "Hello\r\nBcc: eve@example.com", "Hello"),
    Mail("ada@example.com, eve@example.com", "Hello", "Hello"),
    Mail("Ada <ada@example.com>", "Hello", "Hello"),
])  # fmt: skip
def test_an_address_or_subject_cannot_smuggle_in_headers_or_recipients(mail: Mail) -> None:
    with pytest.raises((ValueError, MessageError)):
        compose(mail, SENDER)


def test_the_console_mailer_writes_the_whole_mail_to_its_stream() -> None:
    stream = StringIO()
    mailer_of(MailSettings(backend="console", sender=SENDER), stream)(MAIL)
    assert stream.getvalue().splitlines() == [
        "mail | To: ada@example.com", "mail | Subject: Grüße: a new password", "mail | ", "mail | Open this link:",
        "mail | https://aasim.test/reset", "mail | .", "mail | Ä",
    ]  # fmt: skip


def test_mails_can_be_dropped(capfd: pytest.CaptureFixture[str]) -> None:
    mailer_of(MailSettings(backend="none", sender=SENDER))(MAIL)
    assert capfd.readouterr() == ("", "")
