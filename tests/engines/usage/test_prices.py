"""What calls cost: the operator's prices first, then the dated list; unknown is never nothing."""

from datetime import UTC, datetime

from aasim_core.ids import new_id
from aasim_plugins.engine_scripted.service import PROVIDER
from aasim_plugins.engines.chat import Usage
from aasim_plugins.engines.models import Engine
from aasim_plugins.engines.usage.prices import FREE, Cost, cost_at, cost_of

MONDAY = datetime(2026, 6, 1, 12, tzinfo=UTC)
USAGE = Usage(1_000, 100)
OPENAI = "https://api.openai.com/v1"


def price(row_input: int, valid_from: str | None = None, currency: str = "USD") -> dict[str, object]:
    return {"input": row_input, "output": 0, "currency": currency, "valid_from": valid_from}


def test_a_known_model_has_the_price_of_the_list() -> None:
    cost = cost_of(USAGE, model="gpt-4o-mini", base_url=OPENAI, table=[], at=MONDAY)

    assert cost is not None
    assert (cost.amount, cost.currency) == (210, "USD"), "0.15 and 0.60 dollars a million tokens"
    assert cost.source.startswith("genai-prices ")


def test_an_unknown_model_or_server_has_no_price() -> None:
    assert cost_of(USAGE, model="our-own", base_url=OPENAI, table=[], at=MONDAY) is None
    assert cost_of(USAGE, model="gpt-4o-mini", base_url=None, table=[], at=MONDAY) is None
    assert cost_of(USAGE, model="gpt-4o-mini", base_url="http://127.0.0.1:11434/v1", table=[], at=MONDAY) is None


def test_tokens_of_the_providers_cache_have_their_own_price() -> None:
    usage = Usage(10_000, 0, cache_read_tokens=6_000, cache_write_tokens=3_000)

    cost = cost_of(usage, model="claude-sonnet-4-5", base_url="https://api.anthropic.com", table=[], at=MONDAY)

    assert cost is not None
    assert cost.amount == 3_000 + 1_800 + 11_250, "3.00, 0.30 and 3.75 dollars a million tokens"


def test_the_operators_price_goes_first() -> None:
    cost = cost_of(USAGE, model="gpt-4o-mini", base_url=None, table=[price(5_000_000, currency="EUR")], at=MONDAY)

    assert cost == Cost(5_000, "EUR", "operator")


def test_of_several_prices_the_latest_that_has_begun_holds() -> None:
    table = [price(1_000_000), price(3_000_000, "2026-06-01"), price(2_000_000, "2026-01-01"), price(9_000_000, "2026-06-02")]

    cost = cost_of(USAGE, model="m", base_url=None, table=table, at=MONDAY)

    assert cost is not None
    assert cost.amount == 3_000


def test_a_price_that_has_not_begun_is_none_yet() -> None:
    assert cost_of(USAGE, model="our-own", base_url=None, table=[price(1, "2026-06-02")], at=MONDAY) is None


def test_a_free_engine_is_free_until_its_first_price_begins() -> None:
    engine = Engine(organization_id=new_id("organization"), prices=[price(1_000_000, "2026-06-02")])

    assert cost_at(engine, PROVIDER, USAGE, "m", MONDAY) == FREE


def test_amounts_are_rounded_to_whole_micro_units() -> None:
    one_token = Usage(1, 0)

    amounts = [cost_of(one_token, model="m", base_url=None, table=[price(p)], at=MONDAY) for p in (400_000, 500_000, 600_000)]

    assert [cost.amount for cost in amounts if cost is not None] == [0, 0, 1]
