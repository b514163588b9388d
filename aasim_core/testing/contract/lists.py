"""The part of the contract suite about lists: pages, cursors, counts, and how many statements they take."""

import re
from collections.abc import Iterator, Mapping
from itertools import permutations
from typing import Any
from urllib.parse import quote

from ...http.operations import Endpoint
from ..reporting import demand, demand_none
from ..statements import recorded, summary
from ..world import Person
from .exchanges import BASE, Exchange, joined, with_time
from .stage import Stage, name_of
from .terms import for_each, is_list

#: How many statements a page may take, with finding out who asks.
_MOST_FOR_A_PAGE = 4
_BAD_LIMITS = ("0", "101", "-1", "1.5", "x", "", "%D9%A3", "1&limit=2")
_MOST_PAGES = 20


class ListContract:
    """What lists do."""

    @for_each(is_list)
    def test_a_page_has_one_to_a_hundred_items(self, stage: Stage, endpoint: Endpoint) -> None:
        """400 for every other limit, however it is written; nothing is clamped."""
        path = stage.address(endpoint, stage.owner)
        for limit in _BAD_LIMITS:
            exchange = stage.ask("GET", joined(path, f"limit={limit}"), stage.owner)
            demand(exchange.codes == {"limit": ["invalid_parameter"]}, f"{exchange}\nit must answer 400 invalid_parameter")
        for limit in ("1", "100"):
            exchange = stage.ask("GET", joined(path, f"limit={limit}"), stage.owner)
            demand(exchange.status == 200, exchange)

    @for_each(is_list)
    def test_a_walk_through_the_pages_meets_every_row_once(self, stage: Stage, endpoint: Endpoint) -> None:
        """With pages of one row, there and back, it is what one page of all rows shows."""
        person = stage.world.organization()
        path = _with_rows(stage, endpoint, person, 3)
        whole = stage.ask("GET", joined(path, "limit=100&include=total"), person)
        demand(whole.data["pagination"]["total"] == len(whole.data["items"]), f"{whole}\nit counts other rows than it shows")
        short = joined(path, "limit=1")
        pages = _pages(stage, person, short, "next_cursor")
        met = [item for page in pages for item in page.data["items"]]
        demand(
            met == whole.data["items"], f"{pages[0]}\nand its next pages show {_ids(met)} instead of {_ids(whole.data['items'])}"
        )
        back_from = pages[-2].data["pagination"]["next_cursor"]
        back = [item for page in reversed(_pages(stage, person, short, "prev_cursor", back_from)) for item in page.data["items"]]
        demand(back == met, f"{pages[-1]}\nand the way back shows {_ids(back)} instead of {_ids(met)}")

    @for_each(is_list)
    def test_a_page_links_to_the_one_that_follows(self, stage: Stage, endpoint: Endpoint) -> None:
        """The header ``Link`` with ``rel="next"`` (RFC 8288) leads where `next_cursor` leads."""
        person = stage.world.organization()
        path = _with_rows(stage, endpoint, person, 2)
        first, second, *_ = _pages(stage, person, joined(path, "limit=1"), "next_cursor")
        link = re.search(rf'<{BASE}([^>]*)>; rel="next"', first.headers.get("link", ""))
        demand(link, f"{first}\nhas the header Link {first.headers.get('link')!r}, without the next page")
        if link is not None:
            exchange = stage.ask("GET", link[1], person)
            demand(exchange.data == second.data, f"{exchange}\nand the next page is {second}")

    @for_each(is_list)
    def test_it_is_sorted_and_filtered_by_everything_that_it_declares(self, stage: Stage, endpoint: Endpoint) -> None:
        """A row is found by each of its own values, and every declared order is answered."""
        path = stage.add_row(endpoint, stage.owner)
        item = stage.ask("GET", path, stage.owner).data["items"][0]
        flaws = []
        for question in _questions(endpoint.operation.query, item):
            exchange = stage.ask("GET", joined(path, f"limit=100&{question}"), stage.owner)
            if item not in ((exchange.data or {}).get("items") or []):
                flaws.append(f"{exchange}\nit must show {item}")
        demand_none(flaws)

    @for_each(is_list)
    def test_a_cursor_is_good_for_its_own_list_only(self, stage: Stage, endpoint: Endpoint) -> None:
        """400 ``invalid_cursor`` for another organization's, for another order, and for none at all."""
        person = stage.world.organization()
        path = _with_rows(stage, endpoint, person, 2)
        cursor = stage.ask("GET", joined(path, "limit=1"), person).data["pagination"]["next_cursor"]
        theirs = stage.address(endpoint, stage.stranger)
        sort: Any = endpoint.operation.query.parameters["sort"]  # type: ignore[union-attr]
        turned = next(word for word in sort.words if (word,) != sort.load_default)
        tried = [(joined(theirs, f"cursor={cursor}"), stage.stranger), (joined(path, f"sort={turned}&cursor={cursor}"), person)]
        tried += [(joined(path, f"cursor={bad}"), person) for bad in ("x", "AAAA", f"{cursor[:-2]}AA", "%00")]
        for where, who in tried:
            exchange = stage.ask("GET", where, who)
            demand(set(exchange.codes) == {"cursor"} and exchange.status == 400, f"{exchange}\nit must answer 400 invalid_cursor")

    @for_each(is_list)
    def test_a_page_of_a_hundred_rows_takes_as_many_statements_as_one_of_one(self, stage: Stage, endpoint: Endpoint) -> None:
        """And at most four, authentication included, once everything cacheable is cached."""
        person = stage.world.organization()
        path = _with_rows(stage, endpoint, person, 0)
        counts = []
        for _ in range(2):
            stage.ask("GET", joined(path, "limit=100"), person)
            with recorded(stage.app.database) as statements:
                exchange = stage.ask("GET", joined(path, "limit=100"), person)
            counts.append((len(exchange.data["items"]), [statement.sql for statement in statements]))
            if name_of(endpoint) not in stage.hints.fixed:
                stage.multiply(exchange.data["items"][0], person, 100)
        (few, once), (many, again) = counts
        listed = summary(again)
        demand(many == 100 or name_of(endpoint) in stage.hints.fixed, f"GET {path} shows {many} of more than 100 rows")
        demand(
            len(once) == len(again), f"GET {path} ran {len(once)} statements for {few} rows, {len(again)} for {many}:\n{listed}"
        )
        demand(len(again) <= _MOST_FOR_A_PAGE, f"GET {path} asks {len(again)} times, over {_MOST_FOR_A_PAGE}:\n{listed}")


def _with_rows(stage: Stage, endpoint: Endpoint, person: Person, more: int) -> str:
    """The path of the person's list, which has a row and a number of copies of it."""
    path = stage.add_row(endpoint, person)
    if more and name_of(endpoint) not in stage.hints.fixed:
        stage.multiply(stage.ask("GET", path, person).data["items"][0], person, more)
    return path


def _pages(stage: Stage, person: Person, path: str, direction: str, cursor: str | None = None) -> list[Exchange]:
    """The first page at `path`, or the one at the cursor, and those that follow it."""
    pages = [stage.ask("GET", path if cursor is None else joined(path, f"cursor={cursor}"), person)]
    while (cursor := pages[-1].data["pagination"][direction]) is not None and len(pages) < _MOST_PAGES:
        pages.append(stage.ask("GET", joined(path, f"cursor={cursor}"), person))
    return pages


def _questions(declared: Any, item: Mapping[str, Any]) -> Iterator[str]:
    """Every order, and every filter with a value that the item meets, and with a time where it needs one."""
    return (with_time(declared, question) for question in _alone(declared, item))


def _alone(declared: Any, item: Mapping[str, Any]) -> Iterator[str]:
    words = declared.parameters["sort"].words
    yield from (f"sort={word}" for word in words)
    yield from (f"sort={one},{other}" for one, other in permutations(words, 2) if one.strip("-") != other.strip("-"))
    for parameter, (field, operator, _) in declared.filters.items():
        value = _value_in(item, field)
        if operator == "is_null":
            yield f"{parameter}={'true' if value is None else 'false'}"
        elif operator in ("eq", "gte", "lte", "in", "contains") and isinstance(value, str | int) and value != "":
            yield f"{parameter}={quote(str(value).lower() if isinstance(value, bool) else str(value))}"
        elif operator == "has" and value:
            yield f"{parameter}={quote(str(value[0]))}"
        elif operator == "entry" and value:
            yield from (f"{parameter}={quote(f'{key}:{one}')}" for key, one in value.items() if isinstance(one, str))


def _value_in(item: Mapping[str, Any], field: str) -> Any:
    """The item's field, or that of an object in it: ``place_type`` is the ``type`` of its ``place``."""
    name, _, part = field.partition("_")
    held = item.get(name)
    return held.get(part) if field not in item and isinstance(held, Mapping) else item.get(field)


def _ids(items: list[Any]) -> list[Any]:
    return [item.get("id", item) for item in items]
