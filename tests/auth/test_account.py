"""The caller's own account: profile, password, and a new password by mail."""

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
import time_machine

from aasim_core.access.records import Membership
from aasim_core.app import App
from aasim_core.clock import now
from aasim_core.context import organization_scope, system_scope
from aasim_core.data.records import create
from aasim_core.events.log import EventRow
from aasim_core.identity import api_keys
from aasim_core.identity.accounts import found_organization
from aasim_core.identity.records import ApiKey, PasswordReset, Session, User
from aasim_core.jobs.context import GiveUp
from aasim_core.jobs.records import JobRow
from aasim_core.outbound.mail import NotSent
from aasim_core.settings import Settings
from aasim_core.testing.mailbox import Inbox, serving
from aasim_core.testing.world import Answer, Client, World

OLD, NEW = "gravel-tulip-orbit-94", "velvet-canoe-mosaic-31"
LogIn = Callable[..., Answer]


@pytest.fixture
def inbox() -> Inbox:
    return Inbox()


@pytest.fixture
def app_settings(app_settings: Settings, inbox: Inbox) -> Iterator[Settings]:
    with serving(inbox, app_settings) as settings:
        yield settings


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


def event(app: App, name: str) -> EventRow:
    with system_scope("test"):
        found: EventRow = EventRow.get(EventRow.name == name)
    return found


# Profile


def test_a_profile_is_replaced_as_a_whole(app: App, as_ada: Client) -> None:
    profile = {"name": "Ada King", "timezone": "Europe/London", "locale": "en-GB", "avatar_url": "https://example.com/ada.png"}
    answer = as_ada.put("/auth/profile", profile)
    assert {name: answer.data[name] for name in profile} == profile
    assert as_ada.get("/auth/me").data["user"] == answer.data
    assert event(app, "auth.profile_updated").changes["name"] == ["Ada Lovelace", "Ada King"]
    again = as_ada.put("/auth/profile", {"name": "Ada King"}).data
    assert (again["timezone"], again["locale"], again["avatar_url"], again["version"]) == ("UTC", "en", None, 3)


def test_a_profile_that_does_not_change_leaves_no_trace(app: App, as_ada: Client) -> None:
    assert as_ada.put("/auth/profile", {"name": "Ada Lovelace"}).data["version"] == 1
    with system_scope("test"):
        assert not EventRow.select().where(EventRow.name == "auth.profile_updated").exists()


def test_a_profile_that_was_changed_meanwhile_is_not_replaced(as_ada: Client) -> None:
    seen = as_ada.get("/auth/me").data["user"]["version"]
    assert as_ada.put("/auth/profile", {"name": "Ada King"}, If_Match=f'"{seen}"').data["version"] == seen + 1
    assert as_ada.put("/auth/profile", {"name": "Ada"}, If_Match=f'"{seen}"').codes == {"_": ["version_conflict"]}


@pytest.mark.parametrize(("field", "value"), [
    ("email", "eve@example.com"), ("status", "active"), ("is_platform_admin", True), ("password_hash", "x"), ("id", "user_1"),
])  # fmt: skip
def test_only_own_fields_can_be_changed(as_ada: Client, field: str, value: Any) -> None:
    answer = as_ada.put("/auth/profile", {"name": "Ada", field: value})
    assert (answer.status, answer.codes) == (422, {field: ["unknown_field"]})


@pytest.mark.parametrize(("field", "value"), [
    ("timezone", "Mars/Olympus"), ("locale", "english"), ("avatar_url", "http://example.com/a.png"), ("avatar_url", "javascript:alert(1)"),
])  # fmt: skip
def test_a_profile_field_of_the_wrong_form_is_named(as_ada: Client, field: str, value: Any) -> None:
    answer = as_ada.put("/auth/profile", {"name": "Ada", field: value})
    assert (answer.status, list(answer.codes)) == (422, [field])


def test_the_current_organization_can_be_changed_to_another_of_ones_own(
    app: App, anonymous: Client, as_ada: Client, ada: Mapping[str, Any]
) -> None:
    with system_scope("test"), app.database.transaction():
        other = found_organization("Second", User.get_by_id(ada["user"]["id"]))
    as_ada.put("/auth/profile", {"name": "Ada", "organization_id": other.id})
    renewed = anonymous.post("/auth/refresh", {"refresh_token": ada["refresh_token"]}).data
    assert replace(anonymous, token=renewed["access_token"]).get("/auth/me").data["organization"]["name"] == "Second"


def test_the_current_organization_cannot_be_a_strangers(as_ada: Client, world: World) -> None:
    for wanted in (world.organization("Theirs").organization_id, "organization_01h455vb4pex5vsknk084sn02q"):
        answer = as_ada.put("/auth/profile", {"name": "Ada", "organization_id": wanted})
        assert (answer.status, answer.codes) == (422, {"organization_id": ["invalid_reference"]})


def test_me_shows_what_a_member_holds_and_where(world: World) -> None:
    owner = world.organization()
    branch = world.node(owner, "branch")
    me = world.member(owner, "viewer", branch).client.get("/auth/me").data
    assert [(role["role"], role["resource_type"], role["resource_id"], role["source"]) for role in me["roles"]] == [
        ("viewer", "branch", branch, "direct")
    ]  # fmt: skip
    assert "agents:read" in me["permissions"]
    assert "agents:create" not in me["permissions"]


def test_an_api_key_sees_itself_and_changes_nothing(app: App, anonymous: Client, ada: Mapping[str, Any]) -> None:
    made = api_keys.generate()
    with organization_scope(ada["organization"]["id"]), app.database.transaction():
        create(
            ApiKey, user_id=ada["user"]["id"], name="robot", prefix=made.prefix, last_four=made.last_four, digest=made.digest,
            scopes=["agents:read", "nonsense:read"],
        )  # fmt: skip
    robot = replace(anonymous, token=made.secret.reveal())
    assert robot.get("/auth/me").data["permissions"] == ["agents:read"]
    for answer in (
        robot.post("/auth/logout"), robot.put("/auth/profile", {"name": "R"}),
        robot.post("/auth/change-password", {"current_password": OLD, "new_password": NEW}),
    ):  # fmt: skip
        assert (answer.status, answer.codes) == (403, {"_": ["session_required"]})


@pytest.mark.parametrize(("method", "path"), [
    ("GET", "me"), ("PUT", "profile"), ("POST", "logout"), ("POST", "change-password"),
])  # fmt: skip
def test_a_stranger_has_no_account_to_look_at(anonymous: Client, method: str, path: str) -> None:
    answer = anonymous.ask(method, f"/auth/{path}", None if method == "GET" else {})
    assert (answer.status, answer.codes) == (401, {"_": ["authentication_required"]})


# Changing the password


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


def test_the_answer_and_its_writes_are_the_same_for_an_address_without_account(
    app: App, anonymous: Client, ada: Mapping[str, Any], inbox: Inbox
) -> None:
    answers = [anonymous.post("/auth/forgot-password", {"email": email}) for email in ("ada@example.com", "nobody@example.com")]
    assert answers[0].body == answers[1].body
    with system_scope("test"):
        assert len(_waiting()) == 2
    work(app)
    assert [mail["To"] for mail in inbox.mails] == ["ada@example.com"]


def test_nothing_that_is_kept_shows_a_link(app: App, anonymous: Client, ada: Mapping[str, Any], inbox: Inbox) -> None:
    ask_for_link(app, anonymous)
    with system_scope("test"):
        kept = [str(row) for model in app.models for row in model.select().dicts()]
    assert any("ada@example.com" in row for row in kept)
    assert not any(inbox.token() in row for row in kept)


def test_a_link_works_once(app: App, anonymous: Client, ada: Mapping[str, Any], inbox: Inbox) -> None:
    ask_for_link(app, anonymous)
    bodies = [{"token": inbox.token(), "password": password} for password in (NEW, "another-lemon-cabin-7")]
    assert [anonymous.post("/auth/reset-password", body).status for body in bodies] == [200, 422]


def test_of_many_who_use_a_link_at_once_one_succeeds(app: App, anonymous: Client, ada: Mapping[str, Any], inbox: Inbox) -> None:
    ask_for_link(app, anonymous)
    body = {"token": inbox.token(), "password": NEW}
    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(lambda _: anonymous.post("/auth/reset-password", body).status, range(8)))
    assert sorted(statuses) == [200] + [422] * 7


def test_a_used_link_makes_the_others_void(app: App, anonymous: Client, ada: Mapping[str, Any], inbox: Inbox) -> None:
    ask_for_link(app, anonymous)
    first = inbox.token()
    ask_for_link(app, anonymous)
    anonymous.post("/auth/reset-password", {"token": inbox.token(), "password": NEW})
    answer = anonymous.post("/auth/reset-password", {"token": first, "password": OLD})
    assert (answer.status, answer.codes) == (422, {"token": ["invalid_reference"]})


def test_a_changed_password_makes_links_void(app: App, anonymous: Client, as_ada: Client, inbox: Inbox, log_in: LogIn) -> None:
    ask_for_link(app, anonymous)
    as_ada.post("/auth/change-password", {"current_password": OLD, "new_password": NEW})
    answer = anonymous.post("/auth/reset-password", {"token": inbox.token(), "password": "another-lemon-cabin-7"})
    assert (answer.status, answer.codes) == (422, {"token": ["invalid_reference"]})
    assert log_in(password=NEW).status == 200


def test_a_link_is_good_for_thirty_minutes(app: App, anonymous: Client, ada: Mapping[str, Any], inbox: Inbox) -> None:
    with time_machine.travel(now(), tick=False) as clock:
        ask_for_link(app, anonymous)
        clock.shift(1800)
        assert anonymous.post("/auth/reset-password", {"token": inbox.token(), "password": NEW}).status == 422


def test_a_weak_password_does_not_spend_the_link(app: App, anonymous: Client, ada: Mapping[str, Any], inbox: Inbox) -> None:
    ask_for_link(app, anonymous)
    answer = anonymous.post("/auth/reset-password", {"token": inbox.token(), "password": "ada-lovelace-1815"})
    assert (answer.status, answer.codes) == (422, {"password": ["weak_password"]})
    assert anonymous.post("/auth/reset-password", {"token": inbox.token(), "password": NEW}).status == 200


@pytest.mark.parametrize("token", ["x", "aasim_pr_" + "A" * 43, "aasim_rt_" + "A" * 43])
def test_what_is_no_link_is_refused(anonymous: Client, ada: Mapping[str, Any], token: str) -> None:
    answer = anonymous.post("/auth/reset-password", {"token": token, "password": NEW})
    assert (answer.status, answer.codes) == (422, {"token": ["invalid_reference"]})


def test_a_mailbox_is_not_filled(app: App, anonymous: Client, ada: Mapping[str, Any], inbox: Inbox) -> None:
    for _ in range(6):
        assert ask_for_link(app, anonymous).status == 200
    assert len(inbox.mails) == 3


def test_repeated_questions_wait_as_one_mail(app: App, anonymous: Client, ada: Mapping[str, Any], inbox: Inbox) -> None:
    for _ in range(6):
        anonymous.post("/auth/forgot-password", {"email": "ADA@example.com"})
    work(app)
    assert len(inbox.mails) == 1


def test_a_suspended_account_gets_no_link_and_uses_none(
    app: App, anonymous: Client, ada: Mapping[str, Any], inbox: Inbox
) -> None:
    ask_for_link(app, anonymous)
    User.update(status="suspended").execute()
    ask_for_link(app, anonymous)
    assert len(inbox.mails) == 1
    assert anonymous.post("/auth/reset-password", {"token": inbox.token(), "password": NEW}).status == 422


def test_a_mail_server_that_is_busy_makes_the_job_try_again(
    app: App, anonymous: Client, ada: Mapping[str, Any], inbox: Inbox
) -> None:
    inbox.full = True
    with pytest.raises(NotSent):
        ask_for_link(app, anonymous)


def test_a_mailbox_that_does_not_exist_ends_the_job(app: App, anonymous: Client, ada: Mapping[str, Any], inbox: Inbox) -> None:
    User.update(email="ada@gone.example").execute()
    with pytest.raises(GiveUp, match="550"):
        ask_for_link(app, anonymous, "ada@gone.example")


# What is over


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
