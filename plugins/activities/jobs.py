"""Prune logs after their retention, and erase people from them."""

from collections.abc import Callable, Mapping
from typing import Any

import structlog

from aasim_core import App, JobContext
from aasim_core.context import current_organization
from aasim_core.events.chain.anchors import chained_organizations
from aasim_core.events.chain.erasing import erase_some
from aasim_core.events.chain.faults import ChainBroken
from aasim_core.events.chain.pruning import AT_ONCE, prune_some

from . import service

_log = structlog.get_logger("aasim.activities")


def prune(app: App) -> Callable[[JobContext, Mapping[str, Any]], None]:
    """The job that deletes old activities of every organization, some at a time and in turns."""

    def run(context: JobContext, payload: Mapping[str, Any]) -> None:
        since = {each: service.kept_since(app, each) for each in chained_organizations()}
        while since and not context.should_stop():
            since = {each: moment for each, moment in since.items() if _prune_or_complain(app, each, moment) == AT_ONCE}

    return run


def _prune_or_complain(app: App, organization_id: str, before: Any) -> int:
    try:
        return prune_some(app.database, app.keyring, organization_id, before)
    except ChainBroken as error:
        _log.error("activities are not pruned", organization_id=organization_id, reason=str(error))
        return 0


def erase(app: App) -> Callable[[JobContext, Mapping[str, Any]], None]:
    """The job that erases a person from its organization's log, some events at a time."""

    def run(context: JobContext, payload: Mapping[str, Any]) -> None:
        while erase_some(app.database, app.keyring, current_organization(), payload["user_id"]):
            if context.should_stop():
                context.hand_back()
                return

    return run
