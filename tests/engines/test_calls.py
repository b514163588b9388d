"""The rows of calls: one for each call that took something, in the transaction in which meters settle, and corrected by rows."""

from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from aasim_core.context import organization_scope
from aasim_core.plugins.containment import Origin, PluginFault
from aasim_core.testing.world import Person
from aasim_plugins.engines import service
from aasim_plugins.engines.calls.records import EngineCall
from aasim_plugins.engines.chat import EngineError
from aasim_plugins.engines.hookspecs import Meter

from .usage.test_metering import HELLO, ME, PRICE, Book, scripted


@pytest.fixture
def owner(world: Any) -> Iterator[Person]:
    """The owner of an organization in scope."""
    owner = world.organization()
    with organization_scope(owner.organization_id):
        yield owner


def called(app: Any, **fields: Any) -> EngineCall:
    """The row of a call that takes seven tokens, and costs eight micro-units."""
    engine = scripted(app, prices=[PRICE], default_parameters={"replies": ["Hi."]}, **fields)
    service.ask(app, engine.id, HELLO, payer=ME)
    return EngineCall.get(EngineCall.engine_id == engine.id)


def correct(owner: Person, call: EngineCall, **values: Any) -> Any:
    return owner.client.post(f"/engines/calls/{call.id}/correct", {"reason": "The provider's invoice.", **values})


def sums(owner: Person) -> tuple[int, int]:
    """All tokens and micro-units that the rows say were used."""
    rows = owner.client.get("/engines/calls").data["items"]
    return sum(row["input_tokens"] + row["output_tokens"] for row in rows), sum(row["cost"] or 0 for row in rows)


def test_a_call_is_told_with_its_tokens_its_cost_and_for_whom_it_was_made(app: Any, owner: Person) -> None:
    call = called(app)
    shown = owner.client.get(f"/engines/calls/{call.id}").data
    assert {name: shown[name] for name in ("model", "outcome", "input_tokens", "output_tokens", "is_estimated")} == {
        "model": "script", "outcome": "answered", "input_tokens": 6, "output_tokens": 1, "is_estimated": True,
    }  # fmt: skip
    assert (shown["cost"], shown["currency"], shown["price_source"]) == (8, "EUR", "operator")
    assert (shown["agent_id"], shown["step"], shown["execution_id"]) == (ME.agent_id, ME.step, None)


def test_a_call_that_took_nothing_has_no_row(app: Any, owner: Person) -> None:
    with pytest.raises(EngineError):
        service.ask(app, scripted(app, default_parameters={"fault": "unavailable"}).id, HELLO)
    assert EngineCall.select().count() == 0


def test_the_row_is_written_in_the_transaction_in_which_meters_settle(app: Any, owner: Person) -> None:
    seen: list[tuple[bool, int]] = []

    def settle(*_: Any) -> None:
        seen.append((app.database.is_in_transaction, EngineCall.select().count()))

    app.offers.keep("meters", {"book": Meter("book", lambda payer: None, lambda payer, estimate: 1, settle)})
    called(app)
    assert seen == [(True, 1)]


def test_a_meter_that_fails_is_left_out_and_the_others_count_the_call_once(app: Any, owner: Person) -> None:
    def fail(*_: Any) -> None:
        raise PluginFault(Origin("ledger", "meters", "ledger"))

    good = Book()
    broken = Meter("ledger", lambda payer: None, lambda payer, estimate: 1, fail)
    app.offers.keep("meters", {"book": good.meter, "ledger": broken})
    with structlog.testing.capture_logs() as said:
        called(app)
    assert EngineCall.select().count() == 1
    assert [line["meter"] for line in said if line["log_level"] == "warning"] == ["ledger"]
    assert good.told[-1][:3] == ("settled", "page 1", 7)


def test_a_correction_is_a_row_with_the_difference(app: Any, owner: Person) -> None:
    call = called(app)
    first = correct(owner, call, input_tokens=10, cost=30)
    assert first.status == 201
    assert (first.data["outcome"], first.data["corrects_id"], first.data["input_tokens"]) == ("correction", call.id, 4)
    assert (first.data["cost"], first.data["currency"], first.data["agent_id"]) == (22, "EUR", ME.agent_id)
    assert sums(owner) == (11, 30)

    correct(owner, call, cost=5)
    assert sums(owner) == (11, 5)
    assert owner.client.get(f"/engines/calls/{call.id}").data["cost"] == 8


@pytest.mark.parametrize(
    ("values", "field", "says"),
    [
        ({"cost": 8}, "reason", "every number is as it is known already"),
        ({"cost": 9, "currency": "USD"}, "currency", "The call was counted in EUR"),
        ({"cost": -1}, "cost", "0"),
    ],
)
def test_a_correction_that_means_nothing_is_refused(
    app: Any, owner: Person, values: dict[str, Any], field: str, says: str
) -> None:
    refused = correct(owner, called(app), **values)
    assert refused.status == 422
    assert says in refused.body["errors"][field][0]["message"]


def test_a_cost_of_which_no_price_was_known_is_written_with_its_currency(app: Any, owner: Person) -> None:
    call = called(app)
    EngineCall.update(cost=None, currency=None).where(EngineCall.id == call.id).execute()
    assert correct(owner, call, cost=9).body["errors"]["currency"][0]["code"] == "required"
    assert correct(owner, call, cost=9, currency="EUR").data["cost"] == 9
    assert sums(owner) == (7, 9)


def test_a_correction_is_not_corrected_itself(app: Any, owner: Person) -> None:
    call = called(app)
    correction = EngineCall.get_by_id(correct(owner, call, cost=9).data["id"])
    refused = correct(owner, correction, cost=10)
    assert (refused.status, call.id in refused.body["message"]) == (409, True)
