"""Mails about approvals: which agent wants to do what, for how much, and how to answer."""

from collections.abc import Callable
from typing import Any

import pytest

from aasim_core.testing.mailbox import Inbox
from aasim_core.testing.world import Person

Make = Callable[..., dict[str, Any]]
Work = Callable[[], int]


@pytest.fixture
def refund(owner: Person, requester: Person, approver: Person, scripted: Make, work: Work, shed: Any) -> Callable[..., str]:
    """Lets an agent ask for a refund; returns the approval's id."""

    def act(**arguments: Any) -> str:
        schema = {"type": "object", "properties": {"cents": {"type": "integer"}}}
        ref = shed.add("refund", effect="pay", parameters=schema)
        agent = scripted(
            {"tool_calls": [{"name": "refund", "arguments": arguments}]}, "done", name="Refund bot", tools=[{"ref": ref}]
        )
        execution_id = requester.client.post(f"/agents/{agent['id']}/execute", {"input": "hello"}).data["id"]
        work()
        return str(owner.client.get(f"/executions/{execution_id}").data["approval_id"])

    return act


@pytest.mark.long
def test_a_mail_says_which_agent_wants_what_for_how_much(
    requester: Person, refund: Callable[..., str], inbox: Inbox, owner: Person
) -> None:
    refund(cents=5000, currency="EUR", order="hidden")
    mail = inbox.mails[-1]
    assert mail["Subject"] == "Approval: May Refund bot use refund? (cents 5000 EUR, high risk)"
    text = mail.get_content()
    name = owner.client.get(f"/users/{requester.user_id}").data["name"]
    assert f"Refund bot, started by {name}, asks" in text
    assert "Cents 5000 EUR. Risk: high." in text
    assert "hidden" not in text, "what exactly is asked is read where rights are checked"


@pytest.mark.long
def test_without_a_page_of_ones_own_a_mail_explains_the_call(refund: Callable[..., str], inbox: Inbox) -> None:
    approval_id = refund()
    assert f"/api/v1/hitl-approvals/{approval_id}/approve" in inbox.mails[-1].get_content()
