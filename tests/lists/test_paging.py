"""Walking through a list: whatever it is sorted by and whatever happens meanwhile, every row comes once and in order."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import peewee
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aasim_core.context import organization_scope
from aasim_core.data.backends.connect import bind
from aasim_core.data.database import Database
from aasim_core.data.migrator import runner as migrations
from aasim_core.data.records import TenantRecord, insert_rows
from aasim_core.errors import Refused
from aasim_core.lists.paging import Page, Question, read_page
from aasim_core.secrets import Keyring, new_key
from aasim_core.testing.statements import recorded

SORTS = ("title", "subtitle", "pages", "lent")
NAMES = ("id", *SORTS)
KEYRING = Keyring([new_key()])
#: Few different values, so that there are many equals.
BOOKS = st.fixed_dictionaries(
    {
        "title": st.sampled_from("abc"),
        "subtitle": st.none() | st.sampled_from(("", "a", "b")),
        "pages": st.none() | st.integers(-1, 1),
        "lent": st.none() | st.booleans(),
    }
)
ORDERS = st.permutations(SORTS).flatmap(
    lambda names: st.integers(1, 3).flatmap(
        lambda most: st.tuples(*[st.sampled_from((name, f"-{name}")) for name in names[:most]])
    )
)
many_lists = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


class Book(TenantRecord):
    title = peewee.TextField()
    subtitle = peewee.TextField(null=True)
    pages = peewee.BigIntegerField(null=True)
    lent = peewee.BooleanField(null=True)

    class Meta:
        table_name = "shelf_book"
        id_prefix = "book"


@pytest.fixture(scope="session")
def migration_sources() -> Sequence[migrations.Source]:
    return [migrations.Source("core", migrations.CORE), migrations.Source("shelf", Path(__file__).parent / "paging")]


@pytest.fixture
def shelf(database: Database) -> Iterator[Database]:
    bind(database, [Book])
    with organization_scope("org_a"):
        yield database


def put(database: Database, books: Sequence[dict[str, Any]]) -> list[Book]:
    found = [Book(**book) for book in books]
    with database.transaction():
        insert_rows(Book, [book.row() for book in found])
    return found


def clear(database: Database) -> None:
    with database.transaction():
        Book.delete().execute()


def page(sort: tuple[str, ...], cursor: str | None = None, limit: int = 100, route: str = "/books") -> Page:
    return read_page(Book, NAMES, Question(route, limit, sort, cursor=cursor), [], KEYRING)


def ids(*pages: Page) -> list[str]:
    return [row[0] for each in pages for row in each.rows]


def walk(sort: tuple[str, ...], limit: int, meanwhile: Callable[[], object] = lambda: None) -> list[Page]:
    pages = [page(sort, limit=limit)]
    while (cursor := pages[-1].next_cursor) is not None:
        meanwhile()
        pages.append(page(sort, cursor, limit))
    return pages


def in_order(books: Sequence[Book], sort: tuple[str, ...]) -> list[str]:
    """The ids as the convention has it: empty values are the greatest, and the id follows the last field."""
    words = (*sort, "-id" if sort[-1].startswith("-") else "id")
    found = list(books)
    for word in reversed(words):
        name = word.removeprefix("-")
        found.sort(key=lambda book: _rank(getattr(book, name)), reverse=word.startswith("-"))
    return [book.id for book in found]


def _rank(value: Any) -> tuple[Any, ...]:
    return (True,) if value is None else (False, value)


@pytest.mark.long
@many_lists
@given(books=st.lists(BOOKS, max_size=12), sort=ORDERS, limit=st.integers(1, 5))
def test_pages_together_are_the_sorted_list_there_and_back(
    shelf: Database, books: list[dict[str, Any]], sort: tuple[str, ...], limit: int
) -> None:
    clear(shelf)
    expected = in_order(put(shelf, books), sort)
    pages = walk(sort, limit)
    assert ids(page(sort)) == ids(*pages) == expected
    back = [pages[-1]]
    while (cursor := back[0].prev_cursor) is not None:
        back.insert(0, page(sort, cursor, limit))
    assert ids(*back) == expected


@pytest.mark.long
@many_lists
@given(
    books=st.lists(BOOKS, min_size=3, max_size=10),
    come=st.lists(BOOKS, max_size=10),
    gone=st.sets(st.integers(0, 9)),
    sort=ORDERS,
    limit=st.integers(1, 3),
)
def test_what_is_there_all_the_time_comes_once_whatever_comes_and_goes(
    shelf: Database, books: list[dict[str, Any]], come: list[dict[str, Any]], gone: set[int], sort: tuple[str, ...], limit: int
) -> None:
    clear(shelf)
    there = put(shelf, books)
    leaving = [book for number, book in enumerate(there) if number in gone]
    staying = [book for book in there if book not in leaving]

    def change() -> None:
        if come:
            put(shelf, [come.pop()])
        if leaving:
            leaving.pop().delete_instance()

    met = ids(*walk(sort, limit, change))
    assert len(set(met)) == len(met)
    assert [book_id for book_id in met if book_id in {book.id for book in staying}] == in_order(staying, sort)


@pytest.mark.parametrize("sort", [("title",), ("-title",), ("title", "-pages"), ("-pages", "lent", "title")])
def test_cursor_is_of_the_order_that_it_was_made_for(shelf: Database, sort: tuple[str, ...]) -> None:
    put(shelf, [{"title": "a"}, {"title": "b"}])
    cursor = page(sort, limit=1).next_cursor
    for other in [("pages",), ("title", "pages"), ("-pages", "lent", "-title"), (*sort[1:], sort[0], "subtitle")]:
        with pytest.raises(Refused) as caught:
            page(other, cursor)
        assert caught.value.code == "invalid_cursor"


def test_cursor_shows_nothing_when_it_was_changed(shelf: Database) -> None:
    put(shelf, [{"title": "a"}, {"title": "b"}])
    cursor = page(("title", "-pages"), limit=1).next_cursor or ""
    for place in range(0, len(cursor), 7):
        with pytest.raises(Refused, match="not of this list"):
            page(("title", "-pages"), cursor[:place] + ("A" if cursor[place] != "A" else "B") + cursor[place + 1 :])


@pytest.mark.parametrize(
    ("sort", "condition"),
    [
        (("-title",), '(("t1"."title", "t1"."id") < (?, ?))'),
        (("title", "created_at"), '(("t1"."title", "t1"."created_at", "t1"."id") > (?, ?, ?))'),
        (
            ("-title", "created_at"),
            '((("t1"."title") <= (?)) AND ((("t1"."title") < (?)) OR (("t1"."created_at", "t1"."id") > (?, ?))))',
        ),
    ],
)
def test_keys_are_compared_as_row_values_as_far_as_directions_agree(
    shelf: Database, sort: tuple[str, ...], condition: str
) -> None:
    put(shelf, [{"title": "a"}, {"title": "b"}])
    cursor = page(sort, limit=1).next_cursor
    with recorded(shelf) as sent:
        page(sort, cursor)
    statements = [statement.sql.replace("%s", "?") for statement in sent]
    assert any(condition in sql for sql in statements), statements


def test_every_page_behind_the_first_is_the_same_statement(shelf: Database) -> None:
    put(shelf, [{"title": title} for title in "abcdef"])
    before = len(shelf._statements)
    walk(("title", "-pages"), 1)
    assert len(shelf._statements) == before + 2
