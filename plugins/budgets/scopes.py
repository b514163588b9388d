"""The budgets that apply to an engine call: those of its nodes, its agent, and its API key."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from aasim_core import App
from aasim_core.access.records import Node
from aasim_core.context import current_organization
from aasim_core.data.compiled import compiled, numbered, one_of
from aasim_core.data.records import find_or_none
from aasim_core.tenancy.organization_state import cached

from ..engines.hookspecs import Payer
from .models import ACTIVE, Budget


def finder(app: App) -> Callable[[Payer], Sequence[Budget]]:
    """What finds the budgets that concern a payer; in an organization without any, nothing is read for it."""
    return partial(_concerned, cached(app.organization_states, _has_budgets))


def _concerned(has_budgets: Callable[[], bool], payer: Payer) -> Sequence[Budget]:
    """The active budgets that what the payer spends counts towards, in the order of their ids."""
    if not has_budgets():
        return ()
    ids = (*_places(payer.project_id), payer.agent_id, payer.api_key_id)
    scopes = numbered("scope", (each for each in ids if each is not None))
    return _of_scopes.records(len(scopes), **scopes)


@compiled(Budget)
def _of_scopes(size: int) -> Any:
    return Budget.select().where(Budget.status == ACTIVE, one_of(Budget.place_id, "scope", size)).order_by(Budget.id)


def _has_budgets() -> bool:
    return _any_budget.one() is not None


@compiled(Budget)
def _any_budget() -> Any:
    return Budget.select(Budget.id).limit(1)


def _places(project_id: str | None) -> Sequence[str]:
    """The ids of the project and of everything above it; only the organization's, where there is no project."""
    node: Node | None = find_or_none(Node, project_id) if project_id is not None else None
    return [current_organization()] if node is None else node.path.strip("/").split("/")
