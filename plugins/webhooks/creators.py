"""Whose rights a webhook has: its creator's, as long as they may have events sent to an address."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from aasim_core import Kept
from aasim_core.identity.on_behalf_of import principal_now
from aasim_core.tenancy.organization_state import cached
from aasim_core.tenancy.principal import Principal

from .health import CREATOR_LEFT, CREATOR_LOST_PERMISSION
from .models import Webhook

if TYPE_CHECKING:
    from aasim_core.app import App

#: Either allows to say where events are sent.
_PERMISSIONS = ("webhooks:create", "webhooks:update")
#: Who changes one of these says what is sent where, and becomes the creator.
_SAYS_WHAT_IS_SENT = ("url", "events", "filter", "payload")


def _make(app: "App") -> Callable[[Webhook], str | None]:
    principal = cached(app.organization_states, _principal)

    def why_not(webhook: Webhook) -> str | None:
        if webhook.created_by is None:
            return None
        creator = principal(webhook.created_by)
        if creator is None:
            return None if app.organization_states.of(webhook.organization_id).is_halted else CREATOR_LEFT
        rights = app.rights.of(creator)
        return None if any(map(rights.reaches_everything, _PERMISSIONS)) else CREATOR_LOST_PERMISSION

    return why_not


def _principal(user_id: str) -> Principal | None:
    return principal_now(user_id)


_WHY_NOT: Kept[Callable[[Webhook], str | None]] = Kept(_make)


def why_not_sent(app: "App", webhook: Webhook) -> str | None:
    """Return why nothing is sent to the webhook any more: its creator has left, or may not have events sent; None where they may.

    A webhook from before creators were recorded has none, and is sent everything.
    """
    return app.stash.of(_WHY_NOT)(webhook)


def taken_over(app: "App", webhook: Webhook, user_id: str) -> dict[str, str]:
    """Return the column that makes the user the creator of a webhook that has no creator who may have events sent."""
    is_backed = webhook.created_by is not None and why_not_sent(app, webhook) is None
    return {} if is_backed else {"created_by": user_id}


def authored(webhook: Webhook, columns: dict[str, object], user_id: str) -> dict[str, object]:
    """Return the columns with the user as the creator where they change what is sent, or where."""
    changes = any(name in columns and columns[name] != getattr(webhook, name) for name in _SAYS_WHAT_IS_SENT)
    return {**columns, "created_by": user_id} if changes else columns
