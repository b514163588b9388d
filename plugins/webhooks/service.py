"""Operations on webhooks: create, change, delete, rotate secrets, test, and prune old deliveries."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from aasim_core import emit
from aasim_core.clock import now
from aasim_core.context import current_organization
from aasim_core.data import records
from aasim_core.data.records import database_of
from aasim_core.error_codes import LIMIT, ErrorCode
from aasim_core.errors import Invalid, Problem, Refused
from aasim_core.events import patterns
from aasim_core.ids import new_id
from aasim_core.jobs.queue import enqueue
from aasim_core.outbound.secret_addresses import Address, leads_elsewhere
from aasim_core.secrets import Secret, Unreadable
from aasim_core.tenancy import epoch

from .delivery import headers, signing
from .delivery.attempts import post
from .delivery.messages import ping
from .delivery.sending import SUCCEEDED, Outcome, new_client
from .health import hold_still, note_success
from .models import DELIVERED, FAILED, Delivery, Webhook
from .settings import settings_of
from .versions import versions_now

if TYPE_CHECKING:
    from aasim_core.app import App
    from aasim_core.jobs.context import JobContext

#: The job that forgets the deliveries of a webhook that is gone.
CLEAR = "webhooks.clear"
TOO_MANY_WEBHOOKS = ErrorCode(
    "too_many_webhooks",
    409,
    "the organization has as many webhooks as it may",
    "delete one first, or let the operator raise `webhooks.webhook_limit`",
    example="The organization has 100 webhooks, and can have no more; delete one first.",
    meta={**LIMIT, "limit": "webhooks", "used": 100, "max": 100, "resets_at": None},
)
#: What says which events a webhook is for, and whether in order.
_SELECTING = ("events", "filter", "order")
_AT_ONCE = 500


def refuse_idle(app: "App", wanted: Sequence[str]) -> None:
    """Invalid for a pattern that means none of the events that there are."""
    for number, pattern in enumerate(wanted):
        if problem := patterns.flaw(pattern, app.events):
            raise Invalid({f"events[{number}]": [Problem("invalid_choice", problem)]})


def refuse_closed(app: "App", url: str) -> None:
    """Invalid for an address that requests may not go to, and for localhost; any other name is looked up for each connection."""
    from aasim_core.outbound.egress import Egress

    host = Address.of(url).host
    if Egress(settings_of(app).allowed_networks).closes(host):
        message = f"Webhooks may not be at {host}, unless the operator allows it in webhooks.allowed_networks."
        raise Invalid({"url": [Problem("url_not_allowed", message)]})


def refuse_to_move_headers(webhook: Webhook, values: Mapping[str, Any]) -> None:
    """Invalid where headers that the caller need not know would be sent to another place from now on."""
    if "url" not in values or "headers" in values or not webhook.header_names:
        return
    if leads_elsewhere([Address.of(webhook.url)], [Address.of(values["url"])]):
        raise Invalid({"headers": [Problem("required", "The webhook leads elsewhere now; write its headers again.")]})


def create(app: "App", values: Mapping[str, Any], creator_id: str) -> tuple[Webhook, Secret]:
    """Write a new webhook; returns it with its secret, which is not shown again. Needs a transaction."""
    _refuse_one_more(settings_of(app).webhook_limit)
    secret = signing.new_secret(values["signature"])
    webhook = Webhook(
        id=new_id("webhook"), created_by=creator_id, **{name: value for name, value in values.items() if name != "headers"}
    )
    webhook.event_versions, webhook.selects_since_at = versions_now(app), now()
    webhook.secret, webhook.public_key = signing.sealed(app, webhook, secret), signing.public_key_of(secret)
    for name, value in headers.columns_of(app, webhook, values["headers"]).items():
        setattr(webhook, name, value)
    records.insert(webhook)
    epoch.bump(current_organization())
    emit("webhooks.created", webhook)
    return webhook, secret


def _refuse_one_more(limit: int) -> None:
    """Raises Refused where there are as many as may be."""
    organization_id = current_organization()
    database_of(Webhook).lock(f"webhooks/count/{organization_id}")
    count = Webhook.select().count()
    if count >= limit:
        meta = {
            "limit": "webhooks", "scope": "organization", "scope_id": organization_id, "used": count, "max": limit,
            "resets_at": None,
        }  # fmt: skip
        message = f"The organization has {count} webhooks, and can have no more; delete one first."
        raise Refused(TOO_MANY_WEBHOOKS, message, meta=meta)


def change(app: "App", webhook: Webhook, values: Mapping[str, Any]) -> None:
    """Write what differs. Needs a transaction."""
    columns = {name: value for name, value in values.items() if name != "headers"}
    if "headers" in values and values["headers"] != _headers_of(app, webhook):
        columns |= headers.columns_of(app, webhook, values["headers"])
    if any(name in columns and columns[name] != getattr(webhook, name) for name in _SELECTING):
        columns["selects_since_at"] = now()
    changed = records.change(webhook, columns)
    if changed:
        changed.pop("selects_since_at", None)
        epoch.bump(current_organization())
        emit("webhooks.updated", webhook, changes=changed, secret_fields=("headers",))


def _headers_of(app: "App", webhook: Webhook) -> Mapping[str, str] | None:
    try:
        return headers.opened(app, webhook)
    except Unreadable:
        return None


def rotate(app: "App", webhook: Webhook, overlap_seconds: int, signature: str) -> Secret:
    """Make a new secret; for so long the one before signs too, and the one before that no more. Needs a transaction."""
    secret = signing.new_secret(signature)
    values = {"secret": signing.sealed(app, webhook, secret), "public_key": signing.public_key_of(secret), "signature": signature}
    records.change(webhook, {**values, **_previous(app, webhook, overlap_seconds)})
    emit("webhooks.secret_rotated", webhook, data={"overlap_seconds": overlap_seconds})
    return secret


def _previous(app: "App", webhook: Webhook, overlap_seconds: int) -> dict[str, Any]:
    """The columns of the secret that was in use until now; one that cannot be read signs nothing."""
    nothing = {"previous_secret": None, "previous_expires_at": None}
    try:
        current = signing.secrets_of(app, webhook)[0]
    except Unreadable:
        return nothing
    until = now() + timedelta(seconds=overlap_seconds)
    sealed = signing.sealed_as_previous(app, webhook, current)
    return {"previous_secret": sealed, "previous_expires_at": until} if overlap_seconds else nothing


def remove(webhook: Webhook) -> None:
    """Delete the webhook; its deliveries go in the background. Needs a transaction."""
    epoch.bump(current_organization())
    records.remove(webhook)
    enqueue(CLEAR, {"webhook_id": webhook.id})
    emit("webhooks.deleted", webhook)


def test(app: "App", webhook: Webhook) -> Outcome:
    """Send the webhook a ping, also while it is disabled; one that is taken closes its circuit. Call it outside of transactions."""
    with closing(new_client(settings_of(app).allowed_networks)) as client:
        outcome = post(app, client, webhook, ping(webhook), lambda: False)
    with app.database.transaction():
        if outcome.code == SUCCEEDED and (current := hold_still(webhook.id)) is not None:
            note_success(current)
        emit("webhooks.tested", webhook, data={"ok": outcome.code == SUCCEEDED, "code": outcome.code})
    return outcome


def clear(context: "JobContext", webhook_id: str) -> None:
    """Forget every delivery of a webhook."""
    _forget(Delivery.webhook_id == webhook_id, context.should_stop)


def prune(app: "App", context: "JobContext") -> None:
    """Forget what was made long ago and is over, in every organization."""
    before = now() - timedelta(days=settings_of(app).delivery_days)
    _forget((Delivery.created_at < before) & Delivery.status.in_((DELIVERED, FAILED)), context.should_stop)


def _forget(condition: Any, should_stop: Callable[[], bool]) -> None:
    while not should_stop():
        old = Delivery.select(Delivery.id).where(condition).limit(_AT_ONCE)
        with database_of(Delivery).transaction():
            gone = Delivery.delete().where(Delivery.id.in_([row.id for row in old])).execute()
        if gone < _AT_ONCE:
            return
