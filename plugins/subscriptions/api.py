"""The endpoints of subscriptions."""

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any, ClassVar

from marshmallow import ValidationError

from aasim_core import App, Collection, Request, Resource, Response, operation
from aasim_core.errors import not_found
from aasim_core.lists.paging import read_page
from aasim_core.lists.query import ListQuery
from aasim_core.lists.virtual_table import Listing
from aasim_core.schemas.fields import Date
from aasim_core.text.json import to_json

from . import schemas, service
from .models import Subscription
from .plans import current_plan
from .plans.catalog import Plan, plans_of
from .usage import report

_EVENTS, _DAY = "subscriptions", Date()
_COLUMNS = tuple(field.name for field in fields(Plan))


def _shown(plan: Plan) -> dict[str, Any]:
    return {name: getattr(plan, name) for name in _COLUMNS} | {"limits": dict(plan.limits), "without": list(plan.without)}


def _row(plan: Plan) -> Mapping[str, Any]:
    shown = _shown(plan)
    return {**shown, **{name: to_json(shown[name]).decode() for name in ("limits", "without")}}


class Plans(Resource):
    """The plans of this installation, the same for every organization."""

    common = True
    noun = "plans"
    paths: ClassVar[Mapping[str, str]] = {"": "/subscriptions", "one": "/subscriptions/plans/{plan_id}"}
    reply = schemas.PlanOut()
    query = ListQuery(
        schemas.PlanOut(),
        filters=("id", "is_offered", "currency"),
        sorts=("id", "title", "price"),
        default="price",
        search=("title",),
    )

    def __init__(self, app: App) -> None:
        self.app = app
        self._listing = Listing(app.database, _COLUMNS, lambda: [_row(plan) for plan in plans_of(app).values()])

    def find(self, req: Request, **ids: str) -> Plan:
        """Return the plan of that id; raises the uniform 404."""
        plan = plans_of(self.app).get(ids["plan_id"])
        if plan is None:
            raise not_found()
        return plan

    @operation("read", query="query", reply="reply", many=True, message="Plans listed.")
    def on_get(self, req: Request, resp: Response) -> None:
        """List the available plans."""
        question = self.query.question(req.path, req.query)
        resp.media = read_page(self._listing, self.plan.columns, question, [], self.app.keyring, self.query.search)

    @operation("read", reply="reply", message="Plan read.")
    def on_get_one(self, req: Request, resp: Response, plan_id: str) -> None:
        """Read a plan."""
        resp.media = _row(req.target)


class Subscriptions(Collection):
    """Subscriptions: the organization's current and past plans."""

    record = Subscription
    events = _EVENTS
    paths: ClassVar[Mapping[str, str]] = {
        "": "/subscriptions/history",
        "current": "/subscriptions/current",
        "subscribe": "/subscriptions/subscribe",
        "cancel": "/subscriptions/cancel",
    }
    reply = schemas.SubscriptionOut()
    current_reply = schemas.CurrentOut()
    subscribe_body, cancel_body = schemas.SubscribeIn(), schemas.CancelIn()
    query = ListQuery(
        schemas.SubscriptionOut(), filters=("plan_id", "status", "starts_at"), sorts=("starts_at",), default="-starts_at"
    )
    operations: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "list": {
            "summary": "List the organization's past and current plans, with the cost of each part of a period, the latest first."
        }
    }

    @operation("read", reply="current_reply", message="Subscription read.")
    def on_get_current(self, req: Request, resp: Response) -> None:
        """Read the organization's plan, and the plan that follows it."""
        stand = current_plan.standing_of(self.app)
        period, subscription = stand.period, current_plan.current()
        resp.media = {
            "plan": _shown(stand.plan),
            "subscription": None if subscription is None else self.plan.item(subscription),
            "timezone": stand.timezone,
            "starts_at": period.starts_at,
            "resets_at": period.ends_at,
        }

    @operation("manage", body="subscribe_body", reply="reply", status=201, message="Subscribed.", refusals=("invalid_state",))
    def on_post_subscribe(self, req: Request, resp: Response) -> None:
        """Change the plan.

        An upgrade takes effect now; a change that removes something, at the end of the period.
        """
        resp.media = service.subscribe(self.app, req.body["plan_id"])
        resp.location = "/api/v1/subscriptions/current"

    @operation("manage", body="cancel_body", reply="reply", message="Subscription cancelled.", refusals=("invalid_state",))
    def on_post_cancel(self, req: Request, resp: Response) -> None:
        """Return to the default plan, at the end of the period or now.

        Existing objects stay.
        """
        resp.media = service.cancel(self.app, req.body["at"])


class Usage(Resource):
    """The plan's usage."""

    noun = "usage"
    paths: ClassVar[Mapping[str, str]] = {"": "/subscriptions/usage"}
    query, reply = schemas.UsageQuery(), schemas.UsageOut()

    def __init__(self, app: App) -> None:
        self.app = app

    @operation("read", query="query", reply="reply", message="Usage read.")
    def on_get(self, req: Request, resp: Response) -> None:
        """Read the usage in this period, with the plan's limits and a forecast."""
        resp.media = report.told(self.app, req.query.get("group_by"))


class Days(Resource):
    """Days are the same for everybody; their usage is the organization's."""

    common = True
    noun = "usage"
    paths: ClassVar[Mapping[str, str]] = {"one": "/subscriptions/usage/{date}"}
    reply = schemas.UsageOut()

    def __init__(self, app: App) -> None:
        self.app = app

    def find(self, req: Request, **ids: str) -> datetime.date:
        """Return the day in the path; raises the uniform 404 for an invalid one."""
        try:
            day: datetime.date = _DAY.deserialize(ids["date"])
        except ValidationError:
            raise not_found() from None
        return day

    @operation("read", reply="reply", reach="organization", message="Usage read.")
    def on_get_one(self, req: Request, resp: Response, date: str) -> None:
        """Read the usage until the end of a day, within its period."""
        resp.media = report.told_of(self.app, req.target)


def resources(app: App) -> Sequence[Resource]:
    """Return the resources of the plugin's routes."""
    return Plans(app), Subscriptions(app), Usage(app), Days(app)
