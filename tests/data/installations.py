"""Installations that are backed up and restored, and what is seen in them."""

from collections.abc import Callable

import pytest

from aasim_core.context import organization_scope
from aasim_core.data.database import Database
from aasim_core.settings import Settings

from .scope.landscape import OURS, THEIRS, Item, Owner

Settle = Callable[[str, str], Settings]


def everything(database: Database) -> dict[str, list[object]]:
    """What each organization sees."""
    seen = {}
    for organization in (OURS, THEIRS):
        with database.connected(), organization_scope(organization):
            queries = [model.select().order_by(model.id).tuples() for model in (Owner, Item)]
            seen[organization] = [row for query in queries for row in query.execute(database)]
    return seen


only_sqlite = pytest.mark.parametrize("databases", ["sqlite"], indirect=True)
