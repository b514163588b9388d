"""The catalog of plans: features and limits, which the operator writes in the settings."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from aasim_core import StartupError, setting
from aasim_core.settings.building import Builder
from aasim_core.settings.checks import between
from aasim_core.settings.sources import Raw
from aasim_core.text.suggestions import did_you_mean

if TYPE_CHECKING:
    from aasim_core.app import App

#: The limits of plans, and what counts towards each; the last one is a minimum, the others are maximums.
LIMITS: Mapping[str, str] = {
    "users": "members",
    "agents": "agents",
    "webhooks": "webhooks",
    "executions": "executions in a month",
    "tokens": "tokens in a month",
    "schedule_interval_seconds": "seconds between two due times of a job flow",
}
INTERVAL = "schedule_interval_seconds"
UNLIMITED = "unlimited"
_MOST = 10**15


def _is_currency(value: str) -> str | None:
    return None if re.fullmatch("[A-Z]{3}", value) else 'write three letters (ISO 4217), such as "EUR"'


def _are_limits(value: Mapping[str, int]) -> str | None:
    for name, most in value.items():
        if name not in LIMITS:
            return f"there is no limit {name}.{did_you_mean(name, LIMITS)} Write some of {', '.join(LIMITS)}"
        if not 0 <= most <= _MOST:
            return f"write a number from 0 to {_MOST} for {name}"
    return None


@dataclass(frozen=True)
class Plan:
    """A plan, as the operator writes it; `id` is the name of its table in the settings."""

    id: str = setting("", "The name of the table.")
    title: str = setting("", "What people call it.")
    description: str = setting("", "What it is for.")
    price: int = setting(0, "Millionths of the currency for a month.", check=between(0, _MOST))
    currency: str = setting("USD", "Of the price.", check=_is_currency)
    price_text: str = setting("", "What people read of the price.")
    is_offered: bool = setting(True, "Whether organizations may subscribe to it themselves.")
    without: tuple[str, ...] = setting((), "Plugins that organizations on it do not have.")
    limits: Mapping[str, int] = setting({}, "The most that there may be, by name.", check=_are_limits)

    def takes_away(self, before: "Plan") -> bool:
        """Whether an organization that comes from the plan `before` can do less with this one."""
        return not set(self.without) <= set(before.without) or any(self._is_tighter(name, before) for name in self.limits)

    def _is_tighter(self, name: str, before: "Plan") -> bool:
        if name == INTERVAL:
            return self.limits[name] > before.limits.get(name, 0)
        return name not in before.limits or self.limits[name] < before.limits[name]


@dataclass(frozen=True)
class SubscriptionSettings:
    """What organizations may use, and how much of it."""

    plans: Mapping[str, Any] = setting({}, "Plans besides the plan unlimited, by id: the tables [subscriptions.plans.<id>].")
    default_plan: str = setting(UNLIMITED, "The plan of organizations that have subscribed to none; it is free of charge.")

    @cached_property
    def catalog(self) -> Mapping[str, Plan]:
        """All plans, by id; what is wrong with them is in `faults`."""
        return self._read([])

    def faults(self) -> Iterator[str]:
        """What is wrong with the plans."""
        faults: list[str] = []
        catalog = self._read(faults)
        yield from faults
        default = catalog.get(self.default_plan)
        if default is None:
            known = ", ".join(catalog)
            yield f"subscriptions.default_plan is {self.default_plan!r}, which is no plan; write one of {known}"
        elif default.price:
            yield f"subscriptions.default_plan {default.id} has a price; write 0, or another plan that is free of charge"

    def _read(self, faults: list[str]) -> Mapping[str, Plan]:
        unlimited = Plan(id=UNLIMITED, title="Unlimited", is_offered=self.default_plan == UNLIMITED)
        plans = {plan_id: _plan(plan_id, table, faults) for plan_id, table in self.plans.items()}
        return MappingProxyType({**plans, UNLIMITED: unlimited})


def _plan(plan_id: str, table: Any, faults: list[str]) -> Plan:
    place = f"subscriptions.plans.{plan_id}"
    if plan_id == UNLIMITED:
        faults.append(f"[{place}] is the plan that is always there; write another id")
    if not re.fullmatch("[a-z][a-z0-9_]{0,39}", plan_id):
        faults.append(f"[{place}] has no good id; write up to 40 small letters, digits and underscores, a letter first")
    if not isinstance(table, Mapping):
        faults.append(f'{place} is {table!r}; write a table, such as {{title = "Team", limits = {{users = 10}}}}')
        table = {}
    raw = {key: Raw(value, "the settings") for key, value in table.items() if key != "id"}
    if "id" in table:
        faults.append(f"[{place}] has an id already, the name of the table; remove the line id = …")
    plan = Builder(faults).build(place, Plan, raw)
    return replace(plan, id=plan_id, title=plan.title or plan_id)


def settings_of(app: "App") -> SubscriptionSettings:
    """The plugin's section of the settings."""
    return app.settings.section("subscriptions", SubscriptionSettings)


def plans_of(app: "App") -> Mapping[str, Plan]:
    """All plans, by id."""
    return settings_of(app).catalog


def default_of(app: "App") -> Plan:
    """The plan of organizations that have subscribed to none."""
    return plans_of(app)[settings_of(app).default_plan]


def refuse_unknown_plugins(app: "App") -> None:
    """Raise StartupError for plans that exclude an essential or unknown plugin."""
    known = {plugin.name: plugin for plugin in app.plugins.found}
    problems = []
    for plan in plans_of(app).values():
        for name in plan.without:
            place = f"subscriptions.plans.{plan.id}.without names {name}"
            if name not in known:
                problems.append(f"{place}, and there is no such plugin.{did_you_mean(name, known)}")
            elif not known[name].is_switchable:
                problems.append(f"{place}, which every organization has; remove it from the list.")
    if problems:
        raise StartupError(*problems)
