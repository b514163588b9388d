"""Webhooks: signed deliveries of an organization's events to addresses of its choice, with retries."""

from collections.abc import Sequence
from functools import partial
from typing import Any

from aasim_core import App, ErrorCode, Event, Job, Listener, Permission, Plugin, Resource, Retry, Row, hookimpl
from aasim_core.clock import from_text
from aasim_core.schemas.fields import Boolean, Choice, Id, Instant, Integer

from . import api, holding, mails, service
from .delivery import attempts, fan_out, queueing
from .delivery.sending import CODES
from .health import REASONS, RESUME
from .models import Delivery, Webhook
from .settings import WebhookSettings

plugin = Plugin("Webhooks", "Events, sent to other systems, signed, until they are taken.", uses=("dashboard", "metrics"))


@hookimpl
def config_schema() -> type[WebhookSettings]:
    """The section [webhooks]."""
    return WebhookSettings


@hookimpl
def models(app: App) -> Sequence[type[Row]]:
    """The webhook, and its deliveries."""
    return Webhook, Delivery


@hookimpl
def permissions(app: App) -> Sequence[Permission]:
    """What roles can allow about webhooks."""
    return (
        Permission("webhooks:read", "See webhooks and their deliveries", roles=("operator", "auditor")),
        Permission("webhooks:create", "Have everything that happens sent to an address", dangerous=True),
        Permission("webhooks:update", "Change webhooks, and send events once more", dangerous=True),
        Permission("webhooks:delete", "Delete webhooks", dangerous=True),
        Permission("webhooks:test", "Test webhooks", roles=("operator",)),
    )


@hookimpl
def error_codes(app: App) -> Sequence[ErrorCode]:
    """What is answered where there are as many as may be."""
    return (service.TOO_MANY_WEBHOOKS,)


@hookimpl
def events(app: App) -> Sequence[Event]:
    """What happens to webhooks; that one is sent an event is none, for it would be sent in its turn."""
    reason = {"reason": Choice(*REASONS, required=True, description="gone: it answered 410; failing: for five days.")}
    rotated = {"overlap_seconds": Integer(0, required=True, description="How long the old secret signs too.")}
    tested = {
        "ok": Boolean(required=True, description="Whether it took the ping."),
        "code": Choice(*CODES, required=True, description="How it went."),
    }
    asked = {"webhook_id": Id("webhook", required=True), "event_id": Id("evt", required=True)}
    dropped = {"count": Integer(1, required=True, description="How many.")}
    replayed = {
        "only": Choice(*holding.ONLY, required=True),
        "since_at": Instant(allow_none=True, required=True),
        "until_at": Instant(required=True),
        "count": Integer(0, required=True, description="How many there were."),
    }
    return (
        Event("webhooks.events_dropped", "Events that were held for a webhook were dropped", "webhook", dropped),
        Event("webhooks.replay_requested", "Somebody had what was held, or has failed, sent", "webhook", replayed),
        Event("webhooks.created", "A webhook was created", "webhook"),
        Event("webhooks.updated", "A webhook was changed", "webhook"),
        Event("webhooks.deleted", "A webhook was deleted", "webhook"),
        Event("webhooks.enabled", "A webhook was enabled", "webhook"),
        Event("webhooks.disabled", "A webhook was disabled", "webhook", reason),
        Event("webhooks.secret_rotated", "A webhook has a new secret", "webhook", rotated),
        Event("webhooks.tested", "A webhook was tested", "webhook", tested),
        Event("webhooks.redelivery_requested", "Somebody had an event sent once more", "delivery", asked),
    )


@hookimpl
def listeners(app: App) -> Sequence[Listener]:
    """Every event, where a webhook is for it."""
    known = fan_out.known_webhooks(app)
    fanned_out, wanted, at_once = partial(fan_out.fan_out, app), fan_out.is_wanted(known), fan_out.at_once(app, known)
    return (Listener("*", fanned_out, wanted=wanted, at_once=at_once),)


@hookimpl
def jobs(app: App) -> Sequence[Job]:
    """Attempts, what waited for a webhook to be enabled, and forgetting.

    That a webhook does not take an event is no failure of the job, which enqueues the next attempt; it is tried again where we fail.
    """
    return (
        Job(
            queueing.DELIVER,
            lambda context, payload: attempts.attempt(app, context, payload["delivery_id"]),
            Retry(10),
            60,
            on_giving_up=attempts.give_up,
        ),
        Job(RESUME, lambda context, payload: queueing.resume(context, payload["webhook_id"], from_text(payload["moment"]))),
        Job(holding.REPLAY, holding.replay, time_limit=600),
        Job(
            holding.DROP,
            lambda context, payload: holding.drop(app, context),
            schedule="*/10 * * * *",
            per_organization=holding.with_held,
        ),
        mails.send_mail(app),
        Job(service.CLEAR, lambda context, payload: service.clear(context, payload["webhook_id"])),
        Job("webhooks.prune", lambda context, payload: service.prune(app, context), time_limit=600, schedule="40 3 * * *"),
    )


@hookimpl
def routes(app: App) -> Sequence[Resource]:
    """The endpoints under /webhooks."""
    return api.Webhooks(app), api.Deliveries(app)


@hookimpl(optionalhook=True)
def dashboard_cards(app: App) -> Sequence[Any]:
    """Webhooks and their deliveries."""
    from . import with_dashboard

    return (with_dashboard.CARD,)


@hookimpl(optionalhook=True)
def gauges(app: App) -> Sequence[Any]:
    """Webhooks and their deliveries."""
    from . import with_metrics

    return with_metrics.GAUGES
