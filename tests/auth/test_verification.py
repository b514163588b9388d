"""Whether people read the mail to their address."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import time_machine

from aasim_core.app import App
from aasim_core.clock import now
from aasim_core.context import system_scope
from aasim_core.events.records import EventRow
from aasim_core.tenancy.records import User
from aasim_core.testing.mailbox import Inbox
from aasim_core.testing.world import Client
from aasim_core.worker.runner import work_off


@pytest.fixture
def token(app: App, ada: Mapping[str, Any], inbox: Inbox) -> str:
    """The token of the mail that Ada got when she registered."""
    work_off(app)
    return inbox.token()


def verified_at(client: Client) -> str | None:
    at: str | None = client.get("/auth/me").data["user"]["email_verified_at"]
    return at


@pytest.mark.long
def test_who_registers_is_asked_by_mail_whether_the_address_is_theirs(
    anonymous: Client, as_ada: Client, token: str, inbox: Inbox
) -> None:
    (mail,) = inbox.mails
    assert (mail["To"], mail["Subject"]) == ("ada@example.com", "Is this your address?")
    assert "https://agents.example.com/api/v1/auth/verify-email" in mail.get_content()
    assert verified_at(as_ada) is None
    answer = anonymous.post("/auth/verify-email", {"token": token})
    assert (answer.status, answer.data) == (200, {})
    assert verified_at(as_ada) is not None


@pytest.mark.long
def test_verifying_is_a_change_of_the_account(anonymous: Client, as_ada: Client, token: str) -> None:
    anonymous.post("/auth/verify-email", {"token": token})
    user = as_ada.get("/auth/me").data["user"]
    assert (user["version"], user["updated_at"]) == (2, user["email_verified_at"])


@pytest.mark.long
def test_an_account_works_before_its_address_is_verified(as_ada: Client, token: str) -> None:
    assert as_ada.post("/agents", {"name": "One"}).status == 201


@pytest.mark.long
def test_a_link_is_good_once_and_for_a_day(anonymous: Client, token: str) -> None:
    with time_machine.travel(now(), tick=False) as clock:
        clock.shift(24 * 3600)
        assert anonymous.post("/auth/verify-email", {"token": token}).codes == {"token": ["invalid_reference"]}
        clock.shift(-60)
        assert anonymous.post("/auth/verify-email", {"token": token}).status == 200
        assert anonymous.post("/auth/verify-email", {"token": token}).codes == {"token": ["invalid_reference"]}


@pytest.mark.long
def test_of_many_who_use_a_link_at_once_one_succeeds(app: App, anonymous: Client, token: str) -> None:
    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(lambda _: anonymous.post("/auth/verify-email", {"token": token}).status, range(8)))
    assert sorted(statuses) == [200] + [422] * 7
    with system_scope("test"):
        assert EventRow.select().where(EventRow.name == "auth.email_verified").count() == 1


@pytest.mark.long
def test_a_link_is_no_good_for_another_address(anonymous: Client, token: str) -> None:
    User.update(email="ada@example.org").execute()
    assert anonymous.post("/auth/verify-email", {"token": token}).codes == {"token": ["invalid_reference"]}


@pytest.mark.parametrize("other", ["x", "aasim_ev_" + "A" * 43, "aasim_pr_" + "A" * 43])
def test_what_is_no_link_is_refused(anonymous: Client, other: str) -> None:
    assert anonymous.post("/auth/verify-email", {"token": other}).codes == {"token": ["invalid_reference"]}


@pytest.mark.long
def test_a_link_to_a_new_password_shows_the_same(
    app: App, anonymous: Client, ada: Mapping[str, Any], token: str, inbox: Inbox
) -> None:
    anonymous.post("/auth/forgot-password", {"email": "ada@example.com"})
    work_off(app)
    anonymous.post("/auth/reset-password", {"token": inbox.token(), "password": "velvet-canoe-mosaic-31"})
    assert User.get_by_id(ada["user"]["id"]).email_verified_at is not None


@pytest.mark.long
def test_nothing_that_is_kept_shows_a_link(app: App, token: str) -> None:
    with system_scope("test"):
        kept = [str(row) for model in app.models for row in model.select().dicts()]
    assert not any(token in row for row in kept)
