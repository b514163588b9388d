"""What a call is charged that ends without a reply: what the model has read and written by then."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from aasim_core.context import organization_scope
from aasim_plugins.engines import service
from aasim_plugins.engines.built_in import write
from aasim_plugins.engines.hookspecs import (
    Cancelled,
    Capabilities,
    EngineError,
    Message,
    Partial,
    Provider,
    Reply,
    ToolCall,
    Usage,
    keeping,
)
from aasim_plugins.engines.models import Engine
from aasim_plugins.engines.service import Spent

from .test_metering import CAN, Book

HELLO = [Message("user", "Hello?")]
#: What the message is estimated at: two tokens, and four for its role.
ASKED = 6
#: A micro-unit for each token.
PRICE = {"input": 1_000_000, "output": 1_000_000, "currency": "EUR", "valid_from": None}
#: Two tokens of four bytes.
STREAMED = "12345678"
Say = Callable[[str], None]


class Stopping:
    """A model that streams some text and then ends in the way that the test writes."""

    def __init__(self, end: Callable[[Say], Reply]) -> None:
        self.end = end

    def chat(self, messages: Any, *, on_token: Say, **_: Any) -> Reply:
        return self.end(on_token)

    def close(self) -> None:
        pass


@pytest.fixture
def book(app: Any, world: Any) -> Iterator[Book]:
    """A meter of an organization in scope."""
    book = Book()
    app.offers.keep("meters", {"book": book.meter})
    with organization_scope(world.organization().organization_id):
        yield book


@pytest.fixture
def ask(app: Any, book: Book) -> Callable[..., list[Spent]]:
    """Asks an engine whose model ends as given; returns what was told of the spending."""

    def go(end: Callable[[Say], Reply], **fields: Any) -> list[Spent]:
        providers = app.offers("engine_providers")
        stopping = Provider("stopping", "Stopping", Capabilities(), open=lambda _config: Stopping(end))
        app.offers.keep("engine_providers", {**providers, "stopping": stopping})
        told: list[Spent] = []
        engine = engine_of(app, **fields)
        with pytest.raises((Cancelled, EngineError, TypeError)):
            service.ask(app, engine.id, HELLO, on_spent=told.append)
        return told

    return go


def engine_of(app: Any, **fields: Any) -> Engine:
    values = {"provider": "stopping", "model": "m", "capabilities": CAN, "name": "A", "prices": [PRICE], **fields}
    with app.database.transaction():
        return write(values)


def fails(error: Exception, *pieces: str, partial: Partial | None = None) -> Callable[[Say], Reply]:
    def end(say: Say) -> Reply:
        for piece in pieces:
            say(piece)
        if partial is None:
            raise error
        with keeping(lambda: partial):
            raise error

    return end


def test_a_cancelled_call_is_charged_what_was_read_and_streamed_and_says_that_it_is_an_estimate(ask: Any, book: Book) -> None:
    [spent] = ask(fails(Cancelled(), "1234", "5678"))

    assert (spent.usage, spent.partial, spent.cost.amount) == (Usage(ASKED, 2, "estimated"), STREAMED, ASKED + 2)
    assert (book.told[-1][2], book.told[-1][3].amount, book.told[-1][3].currency) == (ASKED + 2, ASKED + 2, "EUR")


def test_a_cancel_before_the_first_token_is_charged_what_was_read(ask: Any) -> None:
    [spent] = ask(fails(Cancelled()))
    assert spent.usage == Usage(ASKED, 0, "estimated")


def test_the_figure_of_the_provider_goes_before_the_estimate(ask: Any) -> None:
    [spent] = ask(fails(Cancelled(), STREAMED, partial=Partial(STREAMED, usage=Usage(40, 30), raw_model="m-2")))
    assert (spent.usage, spent.model) == (Usage(40, 30), "m-2")


def test_reasoning_and_tool_calls_that_were_not_shown_are_charged_too(ask: Any) -> None:
    partial = Partial("", "think" * 8, (ToolCall("c", "look", '{"at": "th'),))
    [spent] = ask(fails(Cancelled(), partial=partial))
    assert spent.usage == Usage(ASKED, 10 + 1 + 3, "estimated")


def test_messages_that_were_never_sent_are_not_charged(ask: Any, book: Book) -> None:
    assert ask(fails(Cancelled(), partial=Partial(sent=False))) == []
    assert (book.told[-1][0], book.told[-1][2]) == ("settled", 0)


@pytest.mark.parametrize("error", [EngineError("unavailable", "It broke."), TypeError("a bug in a provider")])
def test_a_failure_is_charged_what_was_streamed_before_it_and_nothing_where_that_was_nothing(ask: Any, error: Exception) -> None:
    [spent] = ask(fails(error, STREAMED))
    assert spent.usage == Usage(ASKED, 2, "estimated")
    assert ask(fails(error), name="B") == []


def test_a_call_that_ran_out_of_time_is_charged_like_one_that_was_cancelled(app: Any, book: Book) -> None:
    engine = engine_of(app, provider="scripted", default_parameters={"fault": "hang"})
    told: list[Spent] = []
    with pytest.raises(EngineError, match="no reply"):
        service.ask(app, engine.id, HELLO, timeout_seconds=0.05, on_spent=told.append)
    assert [spent.usage for spent in told] == [Usage(ASKED, 0, "estimated")]


def test_of_a_fallback_both_calls_are_told(app: Any, ask: Any, book: Book) -> None:
    ask(fails(EngineError("unavailable", "It broke."), STREAMED))
    second = engine_of(app, name="Second", provider="scripted", default_parameters={"replies": ["Hi."]})
    first = engine_of(app, name="First", fallback_engine_ids=[second.id])
    told: list[Spent] = []

    service.ask(app, first.id, HELLO, on_spent=told.append)

    assert [(spent.engine_id, spent.partial) for spent in told] == [(first.id, STREAMED), (second.id, None)]
