"""Redis and the mail server: what does not answer is a warning, for the platform goes on without it."""

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult

from ..bench.processes import free_port
from .conftest import Make, finding, findings


@pytest.mark.parametrize("name", ["queue", "rate_limits"])
def test_redis_that_does_not_answer(installation: Make, name: str) -> None:
    settings = installation(**{f"{name}__url": f"redis://127.0.0.1:{free_port()}/0", "rate_limits__enabled": True})
    state, said = finding(settings, name)
    assert (state, "Redis does not answer; start it" in said) == ("warning", True)


@pytest.mark.redis
def test_redis_that_answers(installation: Make, redis_url: str) -> None:
    found = findings(installation(queue__url=redis_url, rate_limits__url=redis_url, rate_limits__enabled=True))
    assert [(found[name].state, found[name].facts["kind"]) for name in ("queue", "rate_limits")] == [("ok", "redis")] * 2


def test_a_damaged_queue(installation: Make) -> None:
    settings = installation()
    (settings.data_dir / "queue.db").write_bytes(b"this is no database" * 100)
    state, said = finding(settings, "queue")
    assert (state, "stop API and worker, and delete it" in said) == ("warning", True)


def test_a_mail_server_that_does_not_answer(installation: Make) -> None:
    port = free_port()
    state, said = finding(installation(mail__backend="smtp", mail__host="127.0.0.1", mail__port=port), "mail")
    assert (state, f"the mail server 127.0.0.1:{port} cannot be used" in said) == ("warning", True)


@pytest.mark.parametrize("backend", ["console", "none"])
def test_mails_that_nobody_gets(installation: Make, backend: str) -> None:
    state, said = finding(installation(server__bind="0.0.0.0:8000", mail__backend=backend), "mail")
    assert (state, "configure mail.backend and mail.host" in said) == ("warning", True)


@pytest.mark.parametrize(("password", "state"), [("hunter22", "ok"), ("wrong", "warning")])
def test_a_mail_server_that_wants_a_password_is_asked_and_gets_no_mail(installation: Make, password: str, state: str) -> None:
    came: list[object] = []
    port = free_port()
    settings = installation(
        mail__backend="smtp", mail__host="127.0.0.1", mail__port=port, mail__encryption="none", mail__username="robot",
        mail__password=password,
    )  # fmt: skip

    class Handler:
        async def handle_DATA(self, server: object, session: object, envelope: object) -> str:  # noqa: N802
            came.append(envelope)
            return "250 OK"

    controller = Controller(
        Handler(),
        hostname="127.0.0.1",
        port=port,
        authenticator=lambda *call: AuthResult(success=call[-1].password == b"hunter22", handled=False),
        auth_require_tls=False,
    )
    controller.start()
    try:
        found = findings(settings)["mail"]
    finally:
        controller.stop()
    assert (found.state, came) == (state, [])
