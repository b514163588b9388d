"""Every mail that asks for something leads to one's own page, where `mail.link_template` names it."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from aasim_core.app import App
from aasim_core.context import organization_scope
from aasim_core.settings import Settings
from aasim_core.testing.mailbox import Inbox
from aasim_core.testing.world import World
from aasim_core.worker.runner import work_off
from aasim_plugins.hitl_approvals.policies.rules import PolicyDecision
from aasim_plugins.hitl_approvals.service import Approvals, Asked


@pytest.fixture(scope="session")
def plugin_settings() -> Mapping[str, Any]:
    """A page of one's own; everybody may register."""
    return {"mail.link_template": "https://portal.example.com/{kind}/{id}?token={token}", "auth.registration": "open"}


def text_of(app: App, inbox: Inbox) -> str:
    """The mail that is sent next, which explains no call."""
    inbox.mails.clear()
    work_off(app)
    text = str(inbox.mails[-1].get_content())
    assert "/api/v1/" not in text
    return text


@pytest.mark.long
def test_an_invitation_leads_to_the_page(app: App, world: World, inbox: Inbox) -> None:
    owner = world.organization()
    invited = owner.client.post("/users", {"name": "Grace", "email": "grace@example.com", "role": "viewer"}).data
    text = text_of(app, inbox)
    assert f"https://portal.example.com/invitation/{invited['id']}?token={inbox.token()}" in text


@pytest.mark.long
def test_the_links_of_an_account_lead_to_the_page(app: App, world: World, inbox: Inbox) -> None:
    body = {"name": "Ada", "email": "ada@example.com", "password": "correct horse battery staple"}
    user = world.anonymous.post("/auth/register", body).data["user"]
    text = text_of(app, inbox)
    assert f"https://portal.example.com/email_verification/{user['id']}?token={inbox.token()}" in text
    world.anonymous.post("/auth/forgot-password", {"email": "ada@example.com"})
    text = text_of(app, inbox)
    assert f"https://portal.example.com/password_reset/{user['id']}?token={inbox.token()}" in text


@pytest.mark.long
def test_an_approval_leads_to_the_page_without_a_token(app: App, world: World, inbox: Inbox) -> None:
    owner = world.organization()
    with organization_scope(owner.organization_id), app.database.transaction():
        approval_id = Approvals(app).request(Asked(title="Refund", payload={"arguments": {"amount": 5}}), PolicyDecision()).id
    assert f"https://portal.example.com/approval/{approval_id}" in text_of(app, inbox).split()


class TestConfirmed:
    """Where registrations are confirmed by mail."""

    @pytest.fixture
    def app_settings(self, app_settings: Settings) -> Settings:
        return replace(app_settings, auth=replace(app_settings.auth, registration="confirmed"))

    @pytest.mark.long
    def test_what_is_mailed_to_who_registers_leads_to_the_page(self, app: App, world: World, inbox: Inbox) -> None:
        body = {"name": "Ada", "email": "ada@example.com", "password": "correct horse battery staple"}
        world.anonymous.post("/auth/register", body)
        assert "https://portal.example.com/registration/registration_" in text_of(app, inbox)
        confirmed = {"token": inbox.token(), "password": body["password"]}
        user = world.anonymous.post("/auth/confirm-registration", confirmed).data["user"]
        world.anonymous.post("/auth/register", body)
        assert f"https://portal.example.com/login/{user['id']}" in text_of(app, inbox).split()
