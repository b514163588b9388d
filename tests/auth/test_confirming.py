"""Registering where each registration is confirmed by mail, so that no answer tells who has an account."""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import argon2
import pytest
import time_machine

from aasim_core.app import App
from aasim_core.clock import now
from aasim_core.context import organization_scope, system_scope
from aasim_core.data.records import create
from aasim_core.identity import invitations, links
from aasim_core.jobs.errors import TryAgain
from aasim_core.settings import Settings
from aasim_core.tenancy.records import User
from aasim_core.testing.contract.exchanges import Exchange, ask, difference
from aasim_core.testing.mailbox import Inbox
from aasim_core.testing.statements import recorded
from aasim_core.testing.world import Answer, Client, World
from aasim_core.worker.runner import work_off
from aasim_plugins.auth.models import Registration

from .conftest import ADA, PASSWORD, event

LogIn = Callable[..., Answer]
OTHER = "velvet-canoe-mosaic-31"


@pytest.fixture
def app_settings(app_settings: Settings) -> Settings:
    return replace(app_settings, auth=replace(app_settings.auth, registration="confirmed"))


@pytest.fixture
def token(app: App, anonymous: Client, inbox: Inbox) -> str:
    """The token of the mail that Ada got when she registered."""
    anonymous.post("/auth/register", ADA)
    work_off(app)
    return inbox.token()


@pytest.fixture
def ada(anonymous: Client, token: str) -> Mapping[str, Any]:
    """What Ada was answered when she confirmed her registration."""
    return confirm(anonymous, token).data  # type: ignore[no-any-return]


def confirm(client: Client, token: str, password: str = ADA["password"]) -> Answer:
    return client.post("/auth/confirm-registration", {"token": token, "password": password})


def register(world: World, email: str) -> Exchange:
    """Somebody registers with the address; the answer to the byte."""
    return ask(world.anonymous.wsgi, "POST", "/auth/register", body={**ADA, "email": email, "password": OTHER})


@pytest.mark.long
def test_who_registers_gets_a_mail_and_no_account_yet(app: App, anonymous: Client, inbox: Inbox) -> None:
    answer = anonymous.post("/auth/register", ADA)
    assert (answer.status, answer.data) == (202, {})
    work_off(app)
    (mail,) = inbox.mails
    assert (mail["To"], mail["Subject"]) == ("ada@example.com", "Confirm your registration")
    assert "https://agents.example.com/api/v1/auth/confirm-registration" in mail.get_content()
    assert User.select().count() == 0


@pytest.mark.long
def test_the_link_makes_an_owner_whose_address_is_verified_and_who_is_logged_in(
    app: App, anonymous: Client, token: str, log_in: LogIn
) -> None:
    answer = confirm(anonymous, token)
    assert answer.status == 201
    assert answer.headers["location"] == f"/api/v1/users/{answer.data['user']['id']}"
    assert answer.data["organization"]["name"] == "Analytical Engines"
    me = replace(anonymous, token=answer.data["access_token"]).get("/auth/me").data
    assert me["user"] == answer.data["user"]
    assert me["user"]["email_verified_at"] is not None
    assert [role["role"] for role in me["roles"]] == ["owner"]
    assert log_in().status == 200
    assert event(app, "auth.registered").subject_label == "ada@example.com"


@pytest.mark.long
def test_who_reads_the_mail_and_has_not_registered_makes_no_account(anonymous: Client, token: str) -> None:
    assert confirm(anonymous, token, OTHER).codes == {"password": ["invalid_reference"]}
    assert User.select().count() == 0
    assert confirm(anonymous, token).status == 201


@pytest.mark.long
def test_who_has_confirmed_is_not_asked_again_whether_the_address_is_theirs(
    app: App, ada: Mapping[str, Any], inbox: Inbox
) -> None:
    work_off(app)
    assert [mail["Subject"] for mail in inbox.mails] == ["Confirm your registration"]


@pytest.mark.long
def test_who_has_an_account_is_told_so_by_mail_and_keeps_it(
    app: App, world: World, ada: Mapping[str, Any], inbox: Inbox, log_in: LogIn
) -> None:
    inbox.mails.clear()
    register(world, "ada@example.com")
    work_off(app)
    (mail,) = inbox.mails
    assert (mail["To"], mail["Subject"]) == ("ada@example.com", "You have an account already")
    text = mail.get_content()
    assert "/auth/login" in text
    assert "/auth/forgot-password" in text
    assert "aasim_rg_" not in text
    assert [log_in().status, log_in(password=OTHER).status] == [200, 401]


@pytest.mark.long
def test_the_answer_is_the_same_to_the_byte_whether_there_is_an_account_or_not(world: World, ada: Mapping[str, Any]) -> None:
    known, unknown = register(world, "ada@example.com"), register(world, "bob@example.com")
    assert known.status == 202
    assert difference(known, unknown) is None


@pytest.mark.long
def test_the_answer_takes_one_hash_of_a_password_whether_there_is_an_account_or_not(
    world: World, ada: Mapping[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    worked: list[str] = []
    hash_secret = argon2.low_level.hash_secret

    def counted(*args: Any, **options: Any) -> bytes:
        worked.append("hash")
        return hash_secret(*args, **options)

    monkeypatch.setattr("argon2._password_hasher.hash_secret", counted)
    monkeypatch.setattr("argon2._password_hasher.verify_secret", lambda *_: worked.append("verify"))
    for email in ("ada@example.com", "bob@example.com"):
        worked.clear()
        register(world, email)
        assert worked == ["hash"], email


@pytest.mark.long
def test_the_answer_takes_the_same_statements_whether_there_is_an_account_or_not(
    app: App, world: World, ada: Mapping[str, Any]
) -> None:
    register(world, "eve@example.com")  # so that everything that is kept is known
    sent = []
    for email in ("ada@example.com", "bob@example.com"):
        with recorded(app.database) as statements:
            register(world, email)
        sent.append([statement.sql for statement in statements])
    assert sent[0] == sent[1]


def test_a_weak_password_is_refused(anonymous: Client) -> None:
    answer = anonymous.post("/auth/register", {**ADA, "password": "ada-lovelace-1815"})
    assert (answer.status, answer.codes) == (422, {"password": ["weak_password"]})


def test_registering_again_under_the_same_key_is_one_registration(anonymous: Client) -> None:
    answers = [anonymous.post("/auth/register", ADA, Idempotency_Key="register-ada") for _ in range(2)]
    assert [answer.status for answer in answers] == [202, 202]
    assert answers[0].body == answers[1].body
    assert Registration.select().count() == 1


@pytest.mark.long
def test_the_mail_is_for_the_youngest_registration_with_the_address(
    app: App, anonymous: Client, world: World, inbox: Inbox, log_in: LogIn
) -> None:
    anonymous.post("/auth/register", ADA)
    register(world, "ada@example.com")
    work_off(app)
    assert len(inbox.mails) == 1
    assert confirm(anonymous, inbox.token(), OTHER).status == 201
    assert [log_in().status, log_in(password=OTHER).status] == [401, 200]


@pytest.mark.long
def test_an_address_gets_three_mails_in_half_an_hour(app: App, world: World, inbox: Inbox) -> None:
    with time_machine.travel("2026-01-31T09:00:00Z", tick=False) as clock:
        for _ in range(5):
            clock.shift(1)
            register(world, "ada@example.com")
            work_off(app)
        assert len(inbox.mails) == 3
        clock.shift(30 * 60)
        register(world, "ada@example.com")
        work_off(app)
        assert len(inbox.mails) == 4


@pytest.mark.long
def test_a_mail_that_the_server_did_not_take_is_sent_with_a_fresh_link(app: App, anonymous: Client, inbox: Inbox) -> None:
    anonymous.post("/auth/register", ADA)
    send, job = app.jobs["auth.send_mail"].function, SimpleNamespace(job_id="job_01h455vb4pex5vsknk084sn02q")
    payload = {"kind": "registration", "email": "ada@example.com"}
    inbox.full = True
    with pytest.raises(TryAgain):
        send(job, payload)  # type: ignore[arg-type]
    inbox.full = False
    send(job, payload)  # type: ignore[arg-type]
    assert confirm(anonymous, inbox.token()).status == 201


@pytest.mark.long
def test_a_mail_that_could_not_be_written_for_a_day_is_not_sent_any_more(app: App, anonymous: Client, inbox: Inbox) -> None:
    anonymous.post("/auth/register", ADA)
    with time_machine.travel(now() + timedelta(days=1), tick=False):
        work_off(app)
    assert inbox.mails == []


@pytest.mark.long
def test_a_link_is_good_once_and_for_a_day(anonymous: Client, token: str) -> None:
    with time_machine.travel(now(), tick=False) as clock:
        clock.shift(24 * 3600)
        assert confirm(anonymous, token).codes == {"token": ["invalid_reference"]}
        clock.shift(-60)
        assert confirm(anonymous, token).status == 201
        assert confirm(anonymous, token).codes == {"token": ["invalid_reference"]}


@pytest.mark.long
def test_of_many_who_use_a_link_at_once_one_succeeds(anonymous: Client, token: str) -> None:
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _: confirm(anonymous, token), range(6)))
    assert sorted(answer.status for answer in answers) == [201] + [422] * 5
    assert [answer.codes for answer in answers if answer.status == 422] == [{"token": ["invalid_reference"]}] * 5


@pytest.mark.long
def test_a_link_to_an_address_that_has_an_account_by_now_makes_no_other(
    app: App, world: World, anonymous: Client, token: str, inbox: Inbox, log_in: LogIn
) -> None:
    register(world, "ada@example.com")
    work_off(app)
    assert confirm(anonymous, inbox.token(), OTHER).status == 201
    assert confirm(anonymous, token).codes == {"email": ["not_unique"]}
    assert [log_in().status, log_in(password=OTHER).status] == [401, 200]


@pytest.mark.parametrize("other", ["x", "aasim_rg_" + "A" * 43, "aasim_ev_" + "A" * 43])
def test_what_is_no_link_is_refused(anonymous: Client, other: str) -> None:
    assert confirm(anonymous, other).codes == {"token": ["invalid_reference"]}


@pytest.mark.long
def test_nothing_that_is_kept_shows_a_link_or_a_password(app: App, token: str) -> None:
    with system_scope("test"):
        kept = [str(row) for model in app.models for row in model.select().dicts()]
    assert any("ada@example.com" in row for row in kept)
    assert not any(token in row or PASSWORD in row for row in kept)


def test_who_is_invited_registers_at_once(app: App, world: World, anonymous: Client) -> None:
    host = world.organization()
    with app.database.transaction(), organization_scope(host.organization_id):
        renewed = invitations.renew(invitations.create_invitation(ADA["email"], "Ada", host.user_id, place={}).user_id)
    assert renewed is not None
    given = {name: value for name, value in ADA.items() if name != "organization_name"}
    answer = anonymous.post("/auth/register", {**given, "invitation_token": renewed[1]})
    assert (answer.status, answer.data["organization"]["id"]) == (201, host.organization_id)


def test_a_registration_that_nobody_confirmed_in_time_is_removed(app: App, world: World) -> None:
    register(world, "ada@example.com")
    with time_machine.travel(now() + timedelta(hours=23), tick=False):
        register(world, "bob@example.com")
    with time_machine.travel(now() + timedelta(hours=25), tick=False):
        app.jobs["auth.prune"].function(SimpleNamespace(), {})  # type: ignore[arg-type]
    assert [waiting.email for waiting in Registration.select()] == ["bob@example.com"]


class TestClosed:
    """Where registration has been closed since."""

    @pytest.fixture
    def app_settings(self, app_settings: Settings) -> Settings:
        return replace(app_settings, auth=replace(app_settings.auth, registration="invite"))

    def test_nobody_confirms_any_more(self, app: App, anonymous: Client) -> None:
        token, digest = links.new_token(links.REGISTRATION)
        waiting = {"password_hash": "", "digest": digest, "expires_at": now() + timedelta(hours=1)}
        with system_scope("test"), app.database.transaction():
            create(Registration, email="ada@example.com", name="Ada", organization_name="Engines", **waiting)
        answer = confirm(anonymous, token)
        assert (answer.status, answer.codes) == (403, {"_": ["registration_closed"]})
