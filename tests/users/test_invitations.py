"""Invitations: what is given along, what is not said, and that each is good once."""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
import time_machine

from aasim_core.app import App
from aasim_core.clock import now
from aasim_core.context import system_scope
from aasim_core.events.records import EventRow
from aasim_core.settings import Settings
from aasim_core.tenancy.records import Organization, User
from aasim_core.testing.mailbox import Inbox
from aasim_core.testing.principals import key_of
from aasim_core.testing.world import Answer, Client, Person, World
from aasim_core.worker.runner import work_off

PASSWORD = "gravel-tulip-orbit-94"
GRACE = {"name": "Grace Hopper", "email": "grace@example.com"}
NOT_GOOD = {"invitation_token": ["invalid_reference"]}
Invite = Callable[..., tuple[Mapping[str, Any], str]]


def register(anonymous: Client, token: str, **values: Any) -> Answer:
    return anonymous.post("/auth/register", {**GRACE, "password": PASSWORD, "invitation_token": token, **values})


def accept(person: Client, token: str) -> Answer:
    return person.post("/auth/accept-invitation", {"invitation_token": token})


@pytest.fixture
def account(anonymous: Client) -> Client:
    """Somebody who has an account with the address of the invitation, and an organization of their own."""
    entry = anonymous.post("/auth/register", {**GRACE, "password": PASSWORD}).data
    return replace(anonymous, token=entry["access_token"])


# Accepting


@pytest.mark.long
def test_an_invitation_is_good_once(anonymous: Client, invite: Invite) -> None:
    _, token = invite(**GRACE)
    assert register(anonymous, token).status == 201
    assert register(anonymous, token, email="eve@example.com").codes == NOT_GOOD
    assert register(anonymous, token).codes == NOT_GOOD


@pytest.mark.long
def test_of_twenty_who_accept_one_invitation_at_once_one_succeeds(owner: Person, anonymous: Client, invite: Invite) -> None:
    guest, token = invite(**GRACE)
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda _: register(anonymous, token), range(20)))
    refused = [answer for answer in answers if answer.status != 201]
    assert len(refused) == 19
    assert {answer.status for answer in refused} <= {422, 503}  # 503: passwords are hashed a few at a time
    members = owner.client.get("/users?email=grace@example.com").data["items"]
    assert [(member["id"], member["status"]) for member in members] == [(guest["id"], "active")]
    assert User.select().where(User.email == "grace@example.com").count() == 1


@pytest.mark.long
def test_of_twenty_who_join_with_one_account_at_once_one_succeeds(
    app: App, owner: Person, account: Client, invite: Invite
) -> None:
    _, token = invite(**GRACE)
    with ThreadPoolExecutor(20) as pool:
        statuses = list(pool.map(lambda _: accept(account, token).status, range(20)))
    assert sorted(statuses) == [200] + [422] * 19
    with system_scope("test"):
        assert EventRow.select().where(EventRow.name == "auth.invitation_accepted").count() == 1


@pytest.mark.long
def test_whoever_has_an_account_joins_with_it_and_what_waited_goes_over(owner: Person, account: Client, invite: Invite) -> None:
    team = owner.client.post("/teams", {"name": "Night shift"}).data["id"]
    guest, token = invite(**GRACE, role="builder", team_ids=[team])
    owner.client.patch(f"/teams/{team}", {"lead_id": guest["id"]})
    me = account.get("/auth/me").data["user"]
    answer = accept(account, token)
    assert (answer.status, answer.data["id"]) == (200, owner.organization_id)
    there = replace(account, headers={**account.headers, "X-Organization-Id": owner.organization_id})
    assert there.post("/agents", {"name": "One"}).status == 201
    assert owner.client.get(f"/users/{guest['id']}").status == 404
    member = owner.client.get(f"/users/{me['id']}").data
    assert (member["status"], member["email"], member["email_verified_at"] is None) == ("active", "grace@example.com", False)
    assert owner.client.get(f"/teams/{team}").data["lead_id"] == me["id"]
    assert [item["user_id"] for item in owner.client.get(f"/teams/{team}/members").data["items"]] == [me["id"]]
    assert [item["role"] for item in owner.client.get(f"/users/{me['id']}/assignments").data["items"]] == ["builder"]


@pytest.mark.long
def test_an_invitation_is_for_its_address_only(world: World, owner: Person, anonymous: Client, invite: Invite) -> None:
    _, token = invite(**GRACE)
    assert register(anonymous, token, email="eve@example.com").codes == NOT_GOOD
    assert accept(world.organization("Other").client, token).codes == NOT_GOOD
    assert register(anonymous, token, email="GRACE@example.com").status == 201


@pytest.mark.long
def test_an_invitation_is_good_for_three_days(anonymous: Client, invite: Invite) -> None:
    with time_machine.travel(now(), tick=False) as clock:
        _, token = invite(**GRACE)
        clock.shift(72 * 3600)
        assert register(anonymous, token).codes == NOT_GOOD
        clock.shift(-60)
        assert register(anonymous, token).status == 201


@pytest.mark.long
def test_a_withdrawn_invitation_is_no_good(owner: Person, anonymous: Client, invite: Invite) -> None:
    guest, token = invite(**GRACE)
    assert owner.client.delete(f"/users/{guest['id']}").status == 200
    assert register(anonymous, token).codes == NOT_GOOD
    assert invite(**GRACE)[0]["id"] != guest["id"]


@pytest.mark.long
def test_sending_it_again_makes_the_link_before_void(
    app: App, owner: Person, anonymous: Client, inbox: Inbox, invite: Invite
) -> None:
    guest, token = invite(**GRACE)
    assert owner.client.post(f"/users/{guest['id']}/invite").data == guest
    work_off(app)
    assert register(anonymous, token).codes == NOT_GOOD
    assert register(anonymous, inbox.token()).status == 201
    assert owner.client.post(f"/users/{guest['id']}/invite").codes == {"_": ["invalid_state"]}


@pytest.mark.long
def test_another_address_makes_the_link_void_and_gets_one(
    app: App, owner: Person, anonymous: Client, inbox: Inbox, invite: Invite
) -> None:
    guest, token = invite(**GRACE)
    changed = owner.client.patch(f"/users/{guest['id']}", {"email": "hopper@example.com", "name": "Admiral Hopper"}).data
    assert (changed["email"], changed["name"], changed["status"]) == ("hopper@example.com", "Admiral Hopper", "invited")
    assert register(anonymous, token).codes == NOT_GOOD
    work_off(app)
    assert inbox.mails[-1]["To"] == "hopper@example.com"
    assert register(anonymous, inbox.token(), email="hopper@example.com").status == 201


@pytest.mark.long
def test_a_weak_password_does_not_spend_the_invitation(anonymous: Client, invite: Invite) -> None:
    _, token = invite(**GRACE)
    assert register(anonymous, token, password="grace-hopper-1906").codes == {"password": ["weak_password"]}
    assert register(anonymous, token).status == 201


@pytest.mark.long
def test_an_invitation_makes_no_organization(anonymous: Client, invite: Invite) -> None:
    _, token = invite(**GRACE)
    assert register(anonymous, token, organization_name="Mine").codes == {"organization_name": ["invalid_choice"]}


@pytest.mark.long
def test_a_suspended_organization_takes_nobody_in(app: App, owner: Person, anonymous: Client, invite: Invite) -> None:
    _, token = invite(**GRACE)
    with app.database.transaction(), system_scope("test"):
        Organization.update(status="suspended").execute()
    assert register(anonymous, token).codes == NOT_GOOD


@pytest.mark.long
def test_an_api_key_accepts_nothing(app: App, world: World, invite: Invite) -> None:
    _, token = invite(**GRACE)
    assert accept(key_of(app, world.organization("Other"), ()).client, token).codes == {"_": ["session_required"]}


@pytest.mark.long
def test_a_member_is_not_invited_again(owner: Person, invite: Invite) -> None:
    invite(**GRACE)
    assert owner.client.post("/users", GRACE).codes == {"email": ["not_unique"]}
    me = owner.client.get("/auth/me").data["user"]["email"]
    assert owner.client.post("/users", {"name": "I", "email": me.upper()}).codes == {"email": ["not_unique"]}


@pytest.mark.long
def test_of_many_who_invite_one_address_at_once_one_succeeds(owner: Person) -> None:
    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(lambda _: owner.client.post("/users", GRACE).status, range(8)))
    assert sorted(statuses) == [201] + [422] * 7


# What is not said


@pytest.mark.long
def test_nothing_tells_whether_the_address_has_an_account(
    app: App, world: World, owner: Person, account: Client, inbox: Inbox
) -> None:
    def steps(email: str) -> list[Any]:
        made = owner.client.post("/users", {"name": "Somebody", "email": email})
        work_off(app)
        path = f"/users/{made.data['id']}"
        again = [owner.client.get(path), owner.client.post(f"{path}/invite"), owner.client.get("/users?sort=-created_at&limit=1")]
        return [_steady(answer, made.data["id"], email) for answer in (made, *again)]

    assert steps("grace@example.com") == steps("nobody@example.com")
    texts = {mail["To"]: mail.get_content().replace(inbox.token(mail["To"]), "").replace(mail["To"], "") for mail in inbox.mails}
    assert texts["grace@example.com"] == texts["nobody@example.com"]


def _steady(answer: Answer, user_id: str, email: str) -> Any:
    body = str(answer.body).replace(user_id, "").replace(email, "")
    return answer.status, [part for part in body.split("'") if not part.startswith("20") and len(part) < 60]


def test_without_a_good_invitation_nothing_tells_of_accounts(anonymous: Client, account: Client) -> None:
    answers = [register(anonymous, f"aasim_iv_{'A' * 43}", email=email) for email in ("grace@example.com", "nobody@example.com")]
    assert answers[0].body == answers[1].body
    assert answers[0].codes == NOT_GOOD


@pytest.mark.long
def test_whoever_is_invited_and_has_an_account_is_told_to_log_in(anonymous: Client, account: Client, invite: Invite) -> None:
    _, token = invite(**GRACE)
    assert register(anonymous, token).codes == {"email": ["not_unique"]}


@pytest.mark.long
def test_nothing_that_is_kept_or_answered_shows_a_link(app: App, owner: Person, invite: Invite) -> None:
    guest, token = invite(**GRACE)
    with system_scope("test"):
        kept = [str(row) for model in app.models for row in model.select().dicts()]
    assert not any(token in row for row in kept)
    assert "token" not in str(guest) + str(owner.client.get("/users").body)


class TestLimits:
    """Where what people do is limited."""

    @pytest.fixture
    def app_settings(self, app_settings: Settings) -> Settings:
        return replace(app_settings, rate_limits=replace(app_settings.rate_limits, enabled=True))

    @pytest.mark.long
    def test_a_mailbox_is_not_filled(self, owner: Person, invite: Invite) -> None:
        guest, _ = invite(**GRACE)
        statuses = [owner.client.post(f"/users/{guest['id']}/invite").status for _ in range(8)]
        assert statuses[0] == 200
        refused = owner.client.post(f"/users/{guest['id']}/invite")
        assert refused.codes == {"_": ["too_many_attempts"]}
        assert refused.body["message"].startswith("This address has got too many invitations; try again in ")
        assert refused.body["errors"]["_"][0]["meta"]["limit"] == "invitation_mails"


class TestClosed:
    """Where registration is closed."""

    @pytest.fixture
    def app_settings(self, app_settings: Settings) -> Settings:
        return replace(app_settings, auth=replace(app_settings.auth, registration="closed"))

    @pytest.mark.long
    def test_nobody_registers_by_an_invitation(self, anonymous: Client, invite: Invite) -> None:
        _, token = invite(**GRACE)
        assert register(anonymous, token).codes == {"_": ["registration_closed"]}

    @pytest.mark.long
    def test_whoever_has_an_account_still_joins(self, world: World, owner: Person, invite: Invite) -> None:
        person = world.organization("Other")
        email = person.client.get("/auth/me").data["user"]["email"]
        _, token = invite(name="Somebody", email=email)
        assert accept(person.client, token).status == 200


class TestByInvitation:
    """Where registration is by invitation."""

    @pytest.fixture
    def app_settings(self, app_settings: Settings) -> Settings:
        return replace(app_settings, auth=replace(app_settings.auth, registration="invite"))

    @pytest.mark.long
    def test_whoever_is_invited_registers(self, anonymous: Client, invite: Invite) -> None:
        _, token = invite(**GRACE)
        assert register(anonymous, token).status == 201
