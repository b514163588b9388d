"""Whatever a list is asked for is refused before anything is read, or answered with as much work as any other page."""

from collections.abc import Iterator

import pytest

from aasim_core.app import App
from aasim_core.lists.query import ListQuery
from aasim_core.testing.contract.exchanges import Exchange, ask
from aasim_core.testing.contract.terms import is_list
from aasim_core.testing.statements import recorded
from aasim_core.testing.world import Person, World

from .hostile_filters import ANSWERED, REFUSED

pytestmark = pytest.mark.long

#: How many statements a page takes, and finding out who asks.
_FOR_A_PAGE, _FOR_THE_CALLER = 4, 1
#: How many values a filter has at most, and how long a refusal may be.
_MOST_VALUES, _MOST_BYTES = 100, 16_384


@pytest.fixture
def owner(world: World) -> Person:
    """The owner of an organization, who has asked every list before, so that all that is kept is known."""
    owner = world.organization()
    for path, _ in lists(world.app):
        assert owner.client.get(path).status == 200
    return owner


def lists(app: App) -> Iterator[tuple[str, ListQuery]]:
    """The path of each list that is not below an object, and what it can be asked."""
    for endpoint in app.endpoints:
        query = endpoint.operation.query
        if is_list(endpoint) and isinstance(query, ListQuery) and "{" not in endpoint.template:
            yield endpoint.template, query


def asked(app: App, owner: Person, path: str) -> tuple[Exchange, int, int]:
    """The answer, how many statements read something for it, and with how many values."""
    with recorded(app.database) as sent:
        exchange = ask(owner.client.wsgi, "GET", path, owner.client.token)
    reads = [statement for statement in sent if statement.sql.startswith("SELECT")]
    return exchange, len(reads), sum(len(statement.parameters) for statement in reads)


@pytest.mark.parametrize("bomb", REFUSED)
def test_too_much_is_refused_before_anything_is_read(app: App, owner: Person, bomb: str) -> None:
    wrong = []
    for path, query in lists(app):
        for question in REFUSED[bomb](query):
            exchange, reads, _ = asked(app, owner, f"{path}?{question}")
            if exchange.status != 400 or reads > _FOR_THE_CALLER or len(exchange.content) > _MOST_BYTES:
                wrong.append(f"{path}?{question[:100]} answered {exchange.status} {exchange.content[:300]!r} with {reads} reads")
    assert wrong == []


@pytest.mark.parametrize("bomb", ANSWERED)
def test_as_much_as_may_be_takes_no_more_than_a_page(app: App, owner: Person, bomb: str) -> None:
    wrong = []
    for path, query in lists(app):
        for question in ANSWERED[bomb](query):
            exchange, reads, values = asked(app, owner, f"{path}?{question}")
            if exchange.status != 200 or reads > _FOR_A_PAGE or values > 2 * _MOST_VALUES * (1 + len(query.filters)):
                wrong.append(f"{path}?{question[:100]} answered {exchange.status} {exchange.content[:300]!r} with {reads} reads")
    assert wrong == []
