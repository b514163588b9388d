"""The mails that tell those who may decide."""

from collections.abc import Callable

import pytest

from aasim_core.app import App
from aasim_core.context import organization_scope
from aasim_core.tenancy.records import User
from aasim_core.testing.mailbox import Inbox
from aasim_core.testing.world import Person, World

pytestmark = pytest.mark.long

Ask = Callable[..., str]
Work = Callable[[], int]


def test_those_who_may_decide_get_a_mail_but_not_who_asked(
    app: App, world: World, owner: Person, approver: Person, requester: Person, ask: Ask, inbox: Inbox, work: Work
) -> None:
    ask(risk="high", summary="Fifty euros.")
    work()
    with organization_scope(owner.organization_id):
        address = {user.id: user.email for user in User.select()}
    assert {mail["To"] for mail in inbox.mails} == {address[owner.user_id], address[approver.user_id]}
    [mail] = inbox.to(address[approver.user_id])
    text = mail.get_content()
    assert mail["Subject"] == "Approval: Refund (high risk)"
    assert "Risk: high" in text and "Fifty euros." in text
    assert "AT1" not in text, "what exactly is asked is read where rights are checked"


def test_who_stands_in_for_somebody_gets_the_mail_too(
    world: World, owner: Person, approver: Person, requester: Person, ask: Ask, inbox: Inbox, work: Work
) -> None:
    delegates = [world.member(owner, "approver"), requester]
    for delegate in delegates:
        body = {"from_user_id": approver.user_id, "to_user_id": delegate.user_id, "expires_at": "2099-01-31T09:00:00Z"}
        assert owner.client.post("/hitl-approvals/delegations", body).status == 201
    ask(("user", approver.user_id))
    work()
    assert len(inbox.mails) == 2, "but who asked does not"


def test_no_mail_is_sent_about_what_is_decided_meanwhile(approver: Person, ask: Ask, inbox: Inbox, work: Work) -> None:
    approver.client.post(f"/hitl-approvals/{ask()}/approve", {})
    work()
    assert inbox.mails == []


def test_a_mail_tells_those_whom_it_is_passed_up_to(
    world: World, owner: Person, approver: Person, ask: Ask, inbox: Inbox, work: Work
) -> None:
    other = world.member(owner, "approver")
    approval_id = ask(("user", approver.user_id))
    work()
    inbox.mails.clear()
    body = {"to": {"type": "user", "id": other.user_id}, "reason": "Please."}
    assert approver.client.post(f"/hitl-approvals/{approval_id}/escalate", body).status == 200
    work()
    assert len(inbox.mails) == 1
