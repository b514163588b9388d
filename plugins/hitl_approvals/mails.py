"""The mail to an assignee: which agent wants to do what, at which cost, and how to respond."""

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from aasim_core.clock import to_text
from aasim_core.outbound.links import steps
from aasim_core.outbound.mail import Mail, address_of
from aasim_core.tenancy.records import User

from .models import Approval
from .views import VIEW

if TYPE_CHECKING:
    from aasim_core.settings import Settings

#: Arguments that say how much an action is about, and of what.
_AMOUNTS, _CURRENCY = ("amount", "total", "price", "cost", "cents", "quantity"), "currency"
_NUMBER = re.compile(r"-?[0-9][0-9.,]{0,19}")


def approval_mail(settings: "Settings", approval: Approval, user: User, mail_id: str) -> Mail:
    """The mail to somebody who may decide the approval; what exactly is asked is read where rights are checked."""
    names = VIEW.row(approval.id, ("agent_name", "initiator_label")) or {}
    agent, amounts = names.get("agent_name"), list(_amounts(approval.payload))
    facts = [*([agent] if agent and agent not in approval.title else []), *amounts, f"{approval.risk} risk"]
    url = address_of(settings)
    call = _CALL.format(url=url, id=approval.id)
    text = _TEXT.format(
        name=user.name,
        agent=agent or "An agent",
        initiator=names.get("initiator_label") or "somebody",
        title=approval.title,
        summary=approval.summary or "-",
        facts="".join(f"{amount[:1].upper()}{amount[1:]}. " for amount in amounts) + f"Risk: {approval.risk}.",
        due=to_text(approval.due_at),
        steps=steps(settings.mail.link_template, "approval", id=approval.id, otherwise=call),
    )
    return Mail(user.email, f"Approval: {approval.title} ({', '.join(facts)})", text, id=mail_id)


def _amounts(payload: Any) -> Iterator[str]:
    """How much the action is about, as far as its arguments, or what is asked about, say it under a usual name."""
    arguments = payload.get("arguments", payload.get("payload")) if isinstance(payload, dict) else None
    if not isinstance(arguments, dict):
        return
    for name in _AMOUNTS:
        value = arguments.get(name)
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if is_number or (isinstance(value, str) and _NUMBER.fullmatch(value)):
            currency = arguments.get(_CURRENCY)
            unit = f" {currency}" if isinstance(currency, str) and currency.isalpha() else ""
            yield f"{name} {str(value)[:20]}{unit[:11]}"


_TEXT = """Hello {name},

{agent}, started by {initiator}, asks for an approval:

  {title}

  {summary}

{facts} Please decide before {due}.

{steps}"""

_CALL = """See what exactly is asked:

  GET {url}/api/v1/hitl-approvals/{id}

Then approve or reject it:

  POST {url}/api/v1/hitl-approvals/{id}/approve
  POST {url}/api/v1/hitl-approvals/{id}/reject
  {{"comment": "<why>"}}

Everything that waits for you: GET {url}/api/v1/hitl-approvals/pending
"""
