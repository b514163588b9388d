"""A new password: changed by whoever knows the old one, or set by a link that came by mail."""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
import time_machine

from aasim_core.app import App
from aasim_core.clock import now
from aasim_core.context import system_scope
from aasim_core.identity.records import PasswordReset, Session
from aasim_core.jobs.errors import GiveUp, TryAgain
from aasim_core.jobs.records import JobRow
from aasim_core.tenancy.records import Membership, User
from aasim_core.testing.mailbox import Inbox
from aasim_core.testing.world import Answer, Client

from .conftest import PASSWORD as OLD
from .conftest import event

NEW = "velvet-canoe-mosaic-31"
LogIn = Callable[..., Answer]


def work(app: App) -> None:
    """Do the jobs of links for a new password that wait, as a worker does."""
    with system_scope("test"):
        waiting = _waiting()
        JobRow.update(state="done").where(JobRow.id.in_([job.id for job in waiting])).execute()
    for job in waiting:
        app.jobs[job.name].function(SimpleNamespace(job_id=job.id), job.payload)  # type: ignore[arg-type]


def _waiting() -> list[JobRow]:
    queued = JobRow.select().where(JobRow.name == "auth.send_mail", JobRow.state == "queued")
    return [job for job in queued if job.payload["kind"] == "password_reset"]


def ask_for_link(app: App, client: Client, email: str = "ada@example.com") -> Answer:
    answer = client.post("/auth/forgot-password", {"email": email})
    work(app)
    return answer


# Changing the password


@pytest.mark.long
def test_a_changed_password_ends_the_other_sessions(app: App, as_ada: Client, anonymous: Client, log_in: LogIn) -> None:
    other = log_in().data
    answer = as_ada.post("/auth/change-password", {"current_password": OLD, "new_password": NEW})
    assert answer.data == {"sessions": 1}
    assert as_ada.get("/auth/me").status == 200
    assert replace(anonymous, token=other["access_token"]).get("/auth/me").status == 401
    assert [log_in(password=OLD).status, log_in(password=NEW).status] == [401, 200]
    assert event(app, "auth.password_changed").data == {"sessions": 1}


def test_a_password_is_not_changed_without_the_current_one(app: App, as_ada: Client, log_in: LogIn) -> None:
    answer = as_ada.post("/auth/change-password", {"current_password": NEW, "new_password": NEW})
    assert (answer.status, answer.codes) == (401, {"current_password": ["invalid_credentials"]})
    assert log_in(password=OLD).status == 200
    assert event(app, "auth.password_change_failed").outcome == "failed"


@pytest.mark.long
def test_a_new_password_is_another_one(as_ada: Client, anonymous: Client, log_in: LogIn) -> None:
    other = log_in().data
    answer = as_ada.post("/auth/change-password", {"current_password": OLD, "new_password": OLD})
    assert (answer.status, answer.codes) == (422, {"new_password": ["weak_password"]})
    assert replace(anonymous, token=other["access_token"]).get("/auth/me").status == 200


@pytest.mark.parametrize(("password", "code"), [("short", "too_short"), ("ada-lovelace-1815", "weak_password")])
def test_a_new_password_must_be_hard_to_guess(as_ada: Client, password: str, code: str) -> None:
    answer = as_ada.post("/auth/change-password", {"current_password": OLD, "new_password": password})
    assert (answer.status, answer.codes) == (422, {"new_password": [code]})


# A new password by mail


@pytest.mark.long
def test_a_link_sets_a_new_password_and_ends_every_session(
    app: App, anonymous: Client, as_ada: Client, inbox: Inbox, log_in: LogIn
) -> None:
    assert ask_for_link(app, anonymous).status == 200
    (mail,) = inbox.mails
    assert (mail["To"], mail["Subject"]) == ("ada@example.com", "Your new password")
    assert "https://agents.example.com/api/v1/auth/reset-password" in mail.get_content()
    answer = anonymous.post("/auth/reset-password", {"token": inbox.token(), "password": NEW})
    assert (answer.status, answer.data) == (200, {})
    assert as_ada.get("/auth/me").status == 401
    assert [log_in(password=OLD).status, log_in(password=NEW).status] == [401, 200]
    assert event(app, "auth.password_reset").data == {"sessions": 1}


@pytest.mark.long
def test_the_answer_and_its_writes_are_the_same_for_an_address_without_account(
    app: App, anonymous: Client, ada: Mapping[str, Any], inbox: Inbox
) -> None:
    answers = [anonymous.post("/auth/forgot-password", {"email": email}) for email in ("ada@example.com", "nobody@example.com")]
    assert answers[0].body == answers[1].body
    with system_scope("test"):
        assert len(_waiting()) == 2
    work(app)
    assert [mail["To"] for mail in inbox.mails] == ["ada@example.com"]


@pytest.mark.long
def test_nothing_that_is_kept_shows_a_link(app: App, anonymous: Client, ada: Mapping[str, Any], inbox: Inbox) -> None:
    ask_for_link(app, anonymous)
    with system_scope("test"):
        kept = [str(row) for model in app.models for row in model.select().dicts()]
    assert any("ada@example.com" in row for row in kept)
    assert not any(inbox.token() in row for row in kept)


@pytest.mark.long
def test_a_link_works_once(app: App, anonymous: Client, ada: Mapping[str, Any], inbox: Inbox) -> None:
    ask_for_link(app, anonymous)
    bodies = [{"token": inbox.token(), "password": password} for password in (NEW, "another-lemon-cabin-7")]
    assert [anonymous.post("/auth/reset-password", body).status for body in bodies] == [200, 422]


@pytest.mark.long
def test_of_many_who_use_a_link_at_once_one_succeeds(app: App, anonymous: Client, ada: Mapping[str, Any], inbox: Inbox) -> None:
    ask_for_link(app, anonymous)
    body = {"token": inbox.token(), "password": NEW}
    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(lambda _: anonymous.post("/auth/reset-password", body).status, range(8)))
    assert sorted(statuses) == [200] + [422] * 7


@pytest.mark.long
def test_a_used_link_makes_the_others_void(app: App, anonymous: Client, ada: Mapping[str, Any], inbox: Inbox) -> None:
    ask_for_link(app, anonymous)
    first = inbox.token()
    ask_for_link(app, anonymous)
    anonymous.post("/auth/reset-password", {"token": inbox.token(), "password": NEW})
    answer = anonymous.post("/auth/reset-password", {"token": first, "password": OLD})
    assert (answer.status, answer.codes) == (422, {"token": ["invalid_reference"]})


@pytest.mark.long
def test_a_changed_password_makes_links_void(app: App, anonymous: Client, as_ada: Client, inbox: Inbox, log_in: LogIn) -> None:
    ask_for_link(app, anonymous)
    as_ada.post("/auth/change-password", {"current_password": OLD, "new_password": NEW})
    answer = anonymous.post("/auth/reset-password", {"token": inbox.token(), "password": "another-lemon-cabin-7"})
    assert (answer.status, answer.codes) == (422, {"token": ["invalid_reference"]})
    assert log_in(password=NEW).status == 200


@pytest.mark.long
def test_a_link_is_good_for_thirty_minutes(app: App, anonymous: Client, ada: Mapping[str, Any], inbox: Inbox) -> None:
    with time_machine.travel(now(), tick=False) as clock:
        ask_for_link(app, anonymous)
        clock.shift(1800)
        assert anonymous.post("/auth/reset-password", {"token": inbox.token(), "password": NEW}).status == 422


@pytest.mark.long
def test_a_weak_password_does_not_spend_the_link(app: App, anonymous: Client, ada: Mapping[str, Any], inbox: Inbox) -> None:
    ask_for_link(app, anonymous)
    answer = anonymous.post("/auth/reset-password", {"token": inbox.token(), "password": "ada-lovelace-1815"})
    assert (answer.status, answer.codes) == (422, {"password": ["weak_password"]})
    assert anonymous.post("/auth/reset-password", {"token": inbox.token(), "password": NEW}).status == 200


@pytest.mark.parametrize("token", ["x", "aasim_pr_" + "A" * 43, "aasim_rt_" + "A" * 43])
def test_what_is_no_link_is_refused(anonymous: Client, ada: Mapping[str, Any], token: str) -> None:
    answer = anonymous.post("/auth/reset-password", {"token": token, "password": NEW})
    assert (answer.status, answer.codes) == (422, {"token": ["invalid_reference"]})


@pytest.mark.long
def test_a_mailbox_is_not_filled(app: App, anonymous: Client, ada: Mapping[str, Any], inbox: Inbox) -> None:
    for _ in range(6):
        assert ask_for_link(app, anonymous).status == 200
    assert len(inbox.mails) == 3


@pytest.mark.long
def test_repeated_questions_wait_as_one_mail(app: App, anonymous: Client, ada: Mapping[str, Any], inbox: Inbox) -> None:
    for _ in range(6):
        anonymous.post("/auth/forgot-password", {"email": "ADA@example.com"})
    work(app)
    assert len(inbox.mails) == 1


@pytest.mark.long
def test_a_suspended_account_gets_no_link_and_uses_none(
    app: App, anonymous: Client, ada: Mapping[str, Any], inbox: Inbox
) -> None:
    ask_for_link(app, anonymous)
    User.update(status="suspended").execute()
    ask_for_link(app, anonymous)
    assert len(inbox.mails) == 1
    assert anonymous.post("/auth/reset-password", {"token": inbox.token(), "password": NEW}).status == 422


@pytest.mark.long
def test_a_mail_server_that_is_busy_makes_the_job_try_again(
    app: App, anonymous: Client, ada: Mapping[str, Any], inbox: Inbox
) -> None:
    inbox.full = True
    with pytest.raises(TryAgain):
        ask_for_link(app, anonymous)


@pytest.mark.long
def test_a_mailbox_that_does_not_exist_ends_the_job(app: App, anonymous: Client, ada: Mapping[str, Any], inbox: Inbox) -> None:
    User.update(email="ada@gone.example").execute()
    with pytest.raises(GiveUp, match="550"):
        ask_for_link(app, anonymous, "ada@gone.example")


# What is over


@pytest.mark.long
def test_what_is_over_for_ninety_days_is_removed(app: App, anonymous: Client, ada: Mapping[str, Any], log_in: LogIn) -> None:
    log_in()
    ask_for_link(app, anonymous)
    live = Session.id == ada["session_id"]
    Session.update(expires_at=now() - timedelta(days=91)).where(~live).execute()
    PasswordReset.update(expires_at=now() - timedelta(days=91)).execute()
    app.jobs["auth.prune"].function(SimpleNamespace(), {})  # type: ignore[arg-type]
    assert [session.id for session in Session.select()] == [ada["session_id"]]
    assert PasswordReset.select().count() == 0
    with system_scope("test"):
        assert Membership.select().count() == 1
    assert anonymous.post("/auth/refresh", {"refresh_token": ada["refresh_token"]}).status == 200
