"""Validation of a job flow beyond its schema: it comes due, not too often, and can be started."""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING, Any

from aasim_core.access import tree
from aasim_core.clock import from_text, to_text
from aasim_core.errors import Invalid, Problem, Refused
from aasim_core.events import patterns
from aasim_core.user_code import expressions, values

from ..executions.service import check_input, startable
from .firings import event_triggers, overlapping
from .hooks import verifying
from .kernel import cron
from .kernel.schedules import Schedule
from .models import CRON, EVENT, INTERVAL, ONCE, TRIGGERS, WEBHOOK
from .scheduling import national_days
from .scheduling.rules import openings_for, schedule_of
from .settings import settings_of

if TYPE_CHECKING:
    from aasim_core.access.rights import Rights
    from aasim_core.app import App
    from aasim_core.tenancy.principal import Principal

    from ..executions.hookspecs import Target

#: What expressions in an input can name, and what else, by the type of the trigger.
_NAMES = ("due", "flow")
_FURTHER_NAMES: Mapping[str, tuple[str, ...]] = {EVENT: ("event",), WEBHOOK: ("body", "headers")}
#: The fields of each type of trigger, and their defaults; None has to be written.
_FIELDS: Mapping[str, Mapping[str, Any]] = {
    **{kind: {} for kind in TRIGGERS},
    CRON: {"expression": None, "timezone": "UTC", "dst_gap": "run_after", "dst_fold": "first"},
    INTERVAL: {"seconds": None},
    ONCE: {"due_at": None},
    EVENT: {"pattern": None, "filter": None},
    WEBHOOK: {"verification": None, "headers": []},
}
#: The same of each scheme by which requests are verified.
_OF_SCHEME: Mapping[str, Mapping[str, Any]] = {
    verifying.STANDARD: {"tolerance_seconds": 300},
    verifying.HMAC: {"header": "X-Signature", "algorithm": "sha256", "encoding": "hex"},
    verifying.BEARER: {},
    verifying.NONE: {},
}
#: How far ahead, and among how many due times, one is looked for at which something starts.
_HORIZON, _MOST_DUE = timedelta(days=5 * 366), 2_000
_TIMES_COMPARED = 500
_SECOND = timedelta(seconds=1)


def checked_trigger(
    app: "App", trigger: Mapping[str, Any], at: datetime, before: Mapping[str, Any] | None = None
) -> Mapping[str, Any]:
    """Return the trigger to store; Invalid for fields of another type, an invalid schedule, or one that fires too often or never again.

    The previous trigger `before` is accepted as it is.
    """
    kept = _completed(trigger, "type", _FIELDS, "trigger")
    if "due_at" in kept:
        kept["due_at"] = to_text(kept["due_at"])
    if "verification" in kept:
        common = {"delivery_header": kept["verification"].pop("delivery_header", "webhook-id")}
        kept["verification"] = {**_completed(kept["verification"], "scheme", _OF_SCHEME, "trigger.verification"), **common}
        kept["headers"] = _checked_headers(kept)
    if kept["type"] == EVENT and (problem := patterns.flaw(kept["pattern"], app.events)):
        raise Invalid({"trigger.pattern": [Problem("invalid_choice", problem)]})
    if kept != before and (refuse := _REFUSE_BAD.get(kept["type"])) is not None:
        refuse(kept, timedelta(seconds=settings_of(app).min_interval_seconds), at)
    return kept


def checked_overlap(overlap: Mapping[str, Any] | None, trigger_type: str) -> Mapping[str, Any]:
    """Return the overlap to store; Invalid for a policy without the maximum that it needs."""
    if overlap is None:
        return overlapping.default_for(trigger_type)
    if overlap["policy"] == overlapping.PARALLEL and overlap["max"] is None:
        raise Invalid({"overlap.max": [Problem("null_not_allowed", "Write how many run at the same time; null is for queue.")]})
    return overlap


def _checked_headers(trigger: Mapping[str, Any]) -> list[str]:
    """Return the names in lower case; Invalid for a header with credentials."""
    names = [name.lower() for name in trigger["headers"]]
    for number, name in enumerate(names):
        if name in verifying.credentials(trigger["verification"]):
            problem = Problem("invalid_choice", f"{name} holds credentials, and is never kept; leave it out.")
            raise Invalid({f"trigger.headers[{number}]": [problem]})
    return names


def _completed(given: Mapping[str, Any], of: str, known: Mapping[str, Mapping[str, Any]], path: str) -> dict[str, Any]:
    """What is given, with the defaults that there are for what the member `of` says; Invalid for what belongs to something else."""
    kind = given[of]
    surplus = [name for name in given if name != of and name not in known[kind]]
    if surplus:
        fits = ", ".join(each for each, fields in known.items() if surplus[0] in fields)
        message = f"This is for the {of} {fits}; leave it out with the {of} {kind}."
        raise Invalid({f"{path}.{surplus[0]}": [Problem("invalid_choice", message)]})
    return {of: kind, **{name: given.get(name, default) for name, default in known[kind].items()}}


def checked_secret(trigger: Mapping[str, Any], secret: str | None, *, is_kept: bool) -> str | None:
    """Return the secret as written; Invalid for a missing one, or one that is invalid for the scheme."""
    scheme = trigger["verification"]["scheme"]
    field = "trigger.verification.secret"
    if scheme == verifying.NONE and secret is not None:
        raise Invalid({field: [Problem("invalid_choice", "With the scheme none nothing is verified; leave the secret out.")]})
    if scheme != verifying.NONE and secret is None and not is_kept:
        raise Invalid({field: [Problem("required", "Write the secret that requests are verified with.")]})
    if secret is not None and (problem := verifying.flaw_of(scheme, secret)):
        raise Invalid({field: [Problem("invalid_format", problem)]})
    return secret


def shortest_interval(trigger: Mapping[str, Any]) -> int | None:
    """The fewest seconds between two due times of a trigger that is good; None where it has no two."""
    if trigger["type"] == CRON:
        return cron.shortest_gap(trigger["expression"], _TIMES_COMPARED) // _SECOND
    return trigger["seconds"] if trigger["type"] == INTERVAL else None


def _refuse_bad_expression(trigger: Mapping[str, Any], least: timedelta, _: datetime) -> None:
    try:
        cron.check(trigger["expression"])
    except cron.BadCron as bad:
        raise Invalid({"trigger.expression": [Problem("invalid_format", str(bad))]}) from bad
    gap = shortest_interval(trigger) or 0
    if gap * _SECOND < least:
        message = (
            f"This comes due after {gap} seconds; write an expression that leaves at least {least // _SECOND} seconds "
            "between two due times."
        )
        raise Invalid({"trigger.expression": [Problem("out_of_range", message)]})


def _refuse_short_interval(trigger: Mapping[str, Any], least: timedelta, _: datetime) -> None:
    if trigger["seconds"] * _SECOND < least:
        message = f"Write at least {least // _SECOND} seconds, the shortest interval here."
        raise Invalid({"trigger.seconds": [Problem("out_of_range", message)]})


def _refuse_past(trigger: Mapping[str, Any], _: timedelta, at: datetime) -> None:
    if from_text(trigger["due_at"]) <= at:
        raise Invalid({"trigger.due_at": [Problem("out_of_range", "Write a time that is still to come.")]})


def _refuse_bad_filter(trigger: Mapping[str, Any], _: timedelta, at: datetime) -> None:
    problem = expressions.flaw(trigger["filter"], event_triggers.NAMES) if trigger["filter"] is not None else None
    if problem:
        raise Invalid({"trigger.filter": [Problem("invalid_format", problem)]})


_REFUSE_BAD: Mapping[str, Callable[[Mapping[str, Any], timedelta, datetime], None]] = {
    EVENT: _refuse_bad_filter,
    CRON: _refuse_bad_expression,
    INTERVAL: _refuse_short_interval,
    ONCE: _refuse_past,
}


def checked_calendar(calendar: Mapping[str, Any] | None, rights: "Rights") -> dict[str, Any] | None:
    """Return the calendar to store; Invalid for unknown holidays, or a branch that is not visible to the caller."""
    if calendar is None:
        return None
    if calendar["country"] is not None:
        national_days.refuse_unknown(calendar["country"], calendar["subdivision"])
    elif calendar["subdivision"] is not None:
        raise Invalid({"calendar.country": [Problem("required", "Write the country that the subdivision is a part of.")]})
    branch_id = calendar["branch_id"]
    if branch_id is not None and not (tree.kind_of(branch_id) == "branch" and rights.knows(branch_id)):
        raise Invalid({"calendar.branch_id": [Problem("invalid_reference", "There is no such branch.")]})
    return {**calendar, "excluded_dates": [str(day) for day in calendar["excluded_dates"]]}


def refuse_never(app: "App", values: Mapping[str, Any], at: datetime) -> None:
    """Invalid for a schedule, of the fields `rules.COLUMNS`, that comes due and yet starts nothing in five years."""
    if values["starts_at"] and values["ends_at"] and values["ends_at"] <= values["starts_at"]:
        raise Invalid({"ends_at": [Problem("out_of_range", "Write a time after starts_at.")]})
    schedule = schedule_of(values, openings_for(app, [values["calendar"]]))
    if schedule.trigger is None:
        return
    ahead = list(islice(_ahead(schedule, at), _MOST_DUE))
    if all(due.skip is not None for due in ahead):
        why = f"all are skipped as {ahead[0].skip}" if ahead else "there is none between starts_at and ends_at"
        message = f"Of the due times of the next five years {why}; write another trigger, calendar or time."
        raise Invalid({"calendar" if ahead else "ends_at": [Problem("out_of_range", message)]})


def _ahead(schedule: Schedule, at: datetime) -> Iterator[Any]:
    for due in schedule.due_times(at):
        if due.at > at + _HORIZON and due.at > (schedule.starts_at or at) + _HORIZON:
            return
        yield due
        if due.skip is None:
            return


def found_target(app: "App", target: Mapping[str, Any], principal: "Principal") -> "Target":
    """What is to be started, where the principal may run it; Invalid, of ``target``, where not."""
    kind = startable(app, target["type"], "target.type")
    try:
        return kind.find(target["id"], target["version"], principal)
    except Invalid as invalid:
        raise invalid.below("target") from invalid
    except Refused as refused:
        message = f"There is no such {target['type']} that you may run."
        raise Invalid({"target.id": [Problem("invalid_reference", message)]}) from refused


def refuse_bad_input(given: Any, trigger_type: str, schema: Any = None) -> None:
    """Invalid for invalid expressions, and for an input without any that the target does not accept."""
    names = (*_NAMES, *_FURTHER_NAMES.get(trigger_type, ()))
    problems = [(path, problem) for path, problem in values.flaws(given, names)]
    if problems:
        raise Invalid({f"input{path}": [Problem("invalid_format", problem)] for path, problem in problems})
    if not values.has_places(given):
        check_input(schema, given)
