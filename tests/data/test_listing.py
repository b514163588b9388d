"""Lists of constant rows, asked as lists of records are."""

from collections.abc import Sequence
from typing import Any

import pytest

from aasim_core.app import App
from aasim_core.context import organization_scope
from aasim_core.lists.paging import Filter, Page, Question, read_page
from aasim_core.lists.virtual_table import Listing
from aasim_core.testing.world import World

ROWS = [
    {"id": "notes:read", "plugin": "notes", "dangerous": False, "words": '["see"]'},
    {"id": "notes:delete", "plugin": "notes", "dangerous": True, "words": "[]"},
    {"id": "cars:read", "plugin": "cars", "dangerous": False, "words": '["drive","see"]'},
]
NAMES = ("id", "plugin", "dangerous", "words")


@pytest.fixture
def organization_id(world: World) -> str:
    return world.organization().organization_id


def asked(app: App, organization_id: str, *filters: Filter, **more: Any) -> Page:
    question = Question("/things", more.pop("limit", 25), more.pop("sort", ("id",)), filters, **more)
    with organization_scope(organization_id):
        return read_page(Listing(app.database, NAMES, lambda: ROWS), NAMES, question, [], app.keyring, ("id", "plugin"))


def ids(page: Page) -> Sequence[str]:
    return [row[page.names.index("id")] for row in page.rows]


def test_rows_are_sorted_and_counted(app: App, organization_id: str) -> None:
    page = asked(app, organization_id, sort=("-plugin", "id"), total=True)
    assert (ids(page), page.total) == (["notes:delete", "notes:read", "cars:read"], 3)


def test_rows_are_found_by_every_kind_of_value(app: App, organization_id: str) -> None:
    for filters, wanted in (
        ([Filter("plugin", "eq", "cars")], ["cars:read"]),
        ([Filter("dangerous", "eq", True)], ["notes:delete"]),
        ([Filter("id", "contains", ":READ"), Filter("plugin", "ne", "cars")], ["notes:read"]),
        ([Filter("words", "contains", '"see"')], ["cars:read", "notes:read"]),
        ([Filter("id", "in", ["cars:read", "notes:delete"])], ["cars:read", "notes:delete"]),
    ):
        assert ids(asked(app, organization_id, *filters)) == wanted
    assert ids(asked(app, organization_id, search="notes")) == ["notes:delete", "notes:read"]


def test_pages_follow_each_other_there_and_back(app: App, organization_id: str) -> None:
    first = asked(app, organization_id, limit=2)
    second = asked(app, organization_id, limit=2, cursor=first.next_cursor)
    back = asked(app, organization_id, limit=2, cursor=second.prev_cursor)
    assert (ids(first), ids(second), ids(back)) == (["cars:read", "notes:delete"], ["notes:read"], ids(first))
    assert (first.has_more, second.has_more) == (True, False)


def test_a_list_of_nothing_is_an_empty_page(app: App, organization_id: str) -> None:
    nothing = Listing(app.database, ("id", "plugin"), lambda: ())
    question = Question("/things", 25, ("id",), [Filter("plugin", "eq", "cars")], search="car", total=True)
    with organization_scope(organization_id):
        page = read_page(nothing, ("id", "plugin"), question, [], app.keyring, ("id", "plugin"))
    assert (ids(page), page.total, page.has_more) == ([], 0, False)
