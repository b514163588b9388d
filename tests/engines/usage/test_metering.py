"""Metering: who is asked before each call of an engine, and told afterwards what it took."""

from collections.abc import Iterator
from typing import Any

import pytest

from aasim_core.context import organization_scope
from aasim_core.errors import Refused
from aasim_plugins.engines import service
from aasim_plugins.engines.built_in import write
from aasim_plugins.engines.chat import Capabilities, EngineError, Message, NoRoom, Parameters, Provider, ToolSpec
from aasim_plugins.engines.hookspecs import BUDGET_EXCEEDED, Estimate, Meter, Payer, refuse_spent
from aasim_plugins.engines.models import Engine
from aasim_plugins.engines.provider_kit.estimates import UNBOUNDED_OUTPUT, usage_at_most

HELLO = [Message("user", "Hello?")]
CAN = {"streaming": True, "tools": "native", "json_schema": True, "judge": False}
PRICE = {"input": 1_000_000, "output": 2_000_000, "currency": "EUR", "valid_from": None}
ME = Payer(agent_id="agent_01h455vb4pex5vsknk084sn02q", step=2)


class Book:
    """A meter that writes down what it is told; it refuses when `full`."""

    def __init__(self, name: str = "book") -> None:
        self.told: list[Any] = []
        self.full = False
        self.meter = Meter(name, self.check, self.reserve, lambda *settled: self.told.append(("settled", *settled)))

    def check(self, payer: Payer) -> None:
        if self.full:
            raise Refused(BUDGET_EXCEEDED, "The book is full.")

    def reserve(self, payer: Payer, estimate: Estimate) -> str:
        self.check(payer)
        self.told.append(("reserved", payer, estimate))
        return "page 1"


@pytest.fixture
def book(app: Any, world: Any) -> Iterator[Book]:
    """A book for an organization, in scope."""
    book = Book()
    app.offers.keep("meters", {"book": book.meter})
    with organization_scope(world.organization().organization_id):
        yield book


def scripted(app: Any, name: str = "A", **fields: Any) -> Engine:
    values = {"provider": "scripted", "model": "script", "capabilities": CAN, "name": name, **fields}
    with app.database.transaction():
        return write(values)


def test_a_call_is_reserved_with_its_estimate_and_settled_with_what_it_took(app: Any, book: Book) -> None:
    engine = scripted(app, prices=[PRICE], default_parameters={"replies": ["Hi."], "max_output_tokens": 10})

    usage = service.ask(app, engine.id, HELLO, payer=ME).reply.usage

    (_, payer, estimate), (_, page, tokens, cost) = book.told
    assert (payer, estimate.engine_id, estimate.input_tokens, estimate.output_tokens) == (ME, engine.id, usage.input_tokens, 10)
    assert (estimate.cost.amount, estimate.cost.currency) == (usage.input_tokens + 20, "EUR")
    assert (page, tokens, cost.amount) == ("page 1", usage.input_tokens + 1, usage.input_tokens + 2)


def test_a_refusal_is_raised_as_it_is_and_no_fallback_is_asked(app: Any, book: Book) -> None:
    second = scripted(app, "B", default_parameters={"replies": ["from B"]})
    first = scripted(app, "A", fallback_engine_ids=[second.id])
    book.full = True

    notes: list[service.Note] = []
    with pytest.raises(Refused, match="The book is full"):
        service.ask(app, first.id, HELLO, on_note=notes.append)

    assert (notes, book.told) == ([], [])
    with pytest.raises(Refused, match="The book is full"):
        refuse_spent(app, ME)


def test_a_fallback_is_reserved_for_itself(app: Any, book: Book) -> None:
    second = scripted(app, "B", default_parameters={"replies": ["from B"]})
    first = scripted(app, "A", default_parameters={"fault": "unavailable"}, fallback_engine_ids=[second.id])

    service.ask(app, first.id, HELLO)

    assert [told[0] for told in book.told] == ["reserved", "settled", "reserved", "settled"]
    assert [told[2].engine_id for told in book.told[::2]] == [first.id, second.id]
    assert (book.told[1][2], book.told[1][3].amount) == (0, 0)


@pytest.mark.parametrize("fault", ["refused", "timeout"])
def test_what_the_provider_fails_is_settled_with_nothing(app: Any, book: Book, fault: str) -> None:
    engine = scripted(app, default_parameters={"fault": fault})

    with pytest.raises(EngineError):
        service.ask(app, engine.id, HELLO)

    assert (book.told[-1][0], book.told[-1][2], book.told[-1][3].amount) == ("settled", 0, 0)


def test_nothing_is_reserved_for_what_finds_no_room_at_the_engine(app: Any, book: Book) -> None:
    engine = scripted(app, limits={"rpm": 1, "tpm": None, "concurrency": None})

    service.ask(app, engine.id, HELLO)
    with pytest.raises(NoRoom):
        service.ask(app, engine.id, HELLO)

    assert [told[0] for told in book.told] == ["reserved", "settled"]


def test_where_one_of_two_meters_refuses_the_other_settles_nothing(app: Any, book: Book) -> None:
    full = Book("full")
    full.full = True
    app.offers.keep("meters", {"book": book.meter, "full": full.meter})

    with pytest.raises(Refused):
        service.ask(app, scripted(app).id, HELLO)

    assert [told[0] for told in book.told] == ["reserved", "settled"]
    assert book.told[-1][2] == 0


def test_a_price_that_is_not_known_is_none(app: Any, book: Book) -> None:
    class Mute:
        def chat(self, messages: Any, **options: Any) -> Any:
            raise EngineError("refused", "nothing to say")

        def close(self) -> None:
            pass

    app.offers.keep("engine_providers", {"mute": Provider("mute", "Mute", Capabilities(), open=lambda _config: Mute())})
    with pytest.raises(EngineError):
        service.ask(app, scripted(app, provider="mute").id, HELLO)

    assert book.told[0][2].cost is None


def test_the_estimate_has_all_that_is_sent_and_all_that_may_come(app: Any) -> None:
    plain = usage_at_most(HELLO, (), None, Parameters(max_output_tokens=5), None)
    assert plain.output_tokens == 5

    look = ToolSpec("look", "Looks for something.", {"type": "object"})
    assert usage_at_most(HELLO, [look], None, Parameters(), None).input_tokens > plain.input_tokens
    assert usage_at_most(HELLO, (), {"type": "object"}, Parameters(), None).input_tokens > plain.input_tokens
    assert usage_at_most(HELLO, (), None, Parameters(), None).output_tokens == UNBOUNDED_OUTPUT
    assert usage_at_most(HELLO, (), None, Parameters(), 2_048).output_tokens == 2_048
