"""Count the usage of each limit from the limited rows themselves, so that it is always exact."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import peewee

from aasim_core.app import Kept
from aasim_core.clock import now
from aasim_core.context import current_organization

from ..plans.periods import Period, days_of

if TYPE_CHECKING:
    from aasim_core.app import App

#: Maximum duration of a transaction; after it, a day's rows are complete.
_SETTLED = timedelta(hours=1)
_MOST_DAYS_KEPT = 20_000
_MOST_GROUPS = 100


def _all(_: Any) -> tuple[Any, ...]:
    return ()


def _rows(_: Any) -> Any:
    return peewee.fn.COUNT(peewee.SQL("*"))


def _sum_of_tokens(call: Any) -> Any:
    return peewee.fn.COALESCE(peewee.fn.SUM(call.input_tokens + call.output_tokens), 0).cast("bigint")


@dataclass(frozen=True)
class Meter:
    """What is counted towards the limit of that name: the rows of a table that meet `only`, or what they sum to.

    One that is `monthly` counts what was made in the period, the others what there is. `makes` are the events by which there is one more;
    `subject` is the column with the id of their subject, and `groups` are those that usage can be told by.
    """

    name: str
    table: str
    makes: Sequence[str] = ()
    only: Callable[[Any], Sequence[Any]] = _all
    amount: Callable[[Any], Any] = _rows
    monthly: bool = False
    subject: str = "id"
    groups: Mapping[str, str] = field(default_factory=dict)


METERS: Mapping[str, Meter] = {
    meter.name: meter
    for meter in (
        Meter(
            "users",
            "core_membership",
            ("users.invited", "users.created", "users.reactivated"),
            lambda member: [member.status != "deactivated"],
            subject="user_id",
        ),
        Meter("agents", "agents_agent", ("agents.created",), lambda agent: [agent.deleted_at.is_null()]),
        Meter("webhooks", "webhooks_webhook", ("webhooks.created",)),
        Meter("executions", "executions_execution", ("executions.queued",), monthly=True, groups={"project": "project_id"}),
        Meter(
            "tokens",
            "engines_call",
            amount=_sum_of_tokens,
            monthly=True,
            groups={"project": "project_id", "agent": "agent_id", "engine": "engine_id"},
        ),
    )
}


def here(app: "App") -> list[Meter]:
    """The meters of what this installation has."""
    return [meter for meter in METERS.values() if meter.table in _tables(app)]


def used(app: "App", meter: Meter, period: Period, timezone: str, *, without: str | None = None) -> int:
    """How much of the limit the organization in scope uses, in the period; `without` the row that is about that subject."""
    model = _tables(app)[meter.table]
    others = [] if without is None else [getattr(model, meter.subject) != without]
    if not meter.monthly:
        return _amount(model, meter, others)
    return sum(amount for _, amount in by_day(app, meter, period, timezone, others))


def by_day(app: "App", meter: Meter, period: Period, timezone: str, others: Sequence[Any] = ()) -> Iterator[tuple[str, int]]:
    """The same for each day of the period that has begun; what no day before the last hour can change is remembered."""
    model, moment, settled = _tables(app)[meter.table], now(), app.stash.of(_SETTLED_DAYS)
    for day, part in days_of(period, timezone):
        if part.starts_at > moment:
            return
        if part.ends_at < moment - _SETTLED:
            yield day.isoformat(), settled(current_organization(), meter.name, part)
        else:
            yield day.isoformat(), _amount(model, meter, [*_within(model, part), *others])


def by_group(app: "App", meter: Meter, group: str, period: Period) -> list[tuple[str | None, int]]:
    """Return the same by group, the largest first, up to a number of groups."""
    model = _tables(app)[meter.table]
    column, amount = getattr(model, meter.groups[group]), meter.amount(model)
    rows: Any = model.select(column, amount).where(*_within(model, period), *meter.only(model)).group_by(column)
    return [(key, int(value)) for key, value in rows.order_by(amount.desc(), column).limit(_MOST_GROUPS).tuples()]


#: How much was used in a day of an organization that is over.
_SETTLED_DAYS: Kept[Callable[[str, str, Period], int]] = Kept(lambda app: lru_cache(_MOST_DAYS_KEPT)(_day_of(app)))
_TABLES: Kept[Mapping[str, Any]] = Kept(lambda app: {model._meta.table_name: model for model in app.models})


def _day_of(app: "App") -> Callable[[str, str, Period], int]:
    def count(organization_id: str, name: str, part: Period) -> int:
        model = _tables(app)[METERS[name].table]
        return _amount(model, METERS[name], _within(model, part))

    return count


def _tables(app: "App") -> Mapping[str, Any]:
    return app.stash.of(_TABLES)


def _within(model: Any, period: Period) -> list[Any]:
    return [model.created_at >= period.starts_at, model.created_at < period.ends_at]


def _amount(model: Any, meter: Meter, conditions: Sequence[Any]) -> int:
    query, conditions = model.select(meter.amount(model)), [*conditions, *meter.only(model)]
    return int((query.where(*conditions) if conditions else query).scalar())
