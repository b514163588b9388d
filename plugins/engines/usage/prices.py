"""The price of a call: the operator's own, or from a dated list that needs no network; an unknown price is None, never zero."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

from ..chat import Provider, Usage
from ..models import Engine

_MILLION = 1_000_000


@dataclass(frozen=True)
class Cost:
    """`amount` is in millionths of `currency`; `source` says by which prices."""

    amount: int
    currency: str
    source: str


FREE = Cost(0, "USD", "free")


def in_words(amount: int, currency: str) -> str:
    """Micro-units as people write money: 149 of USD are ``0.000149 USD``."""
    return f"{Decimal(amount) / _MILLION:f} {currency}"


def cost_at(engine: Engine, provider: Provider, usage: Usage, model: str, at: datetime) -> Cost | None:
    """The cost of a call to the engine, whose model calls itself `model`; None where no price is known."""
    if provider.free and _valid(engine.prices, at.date()) is None:
        return FREE
    return cost_of(usage, model=model, base_url=engine.base_url or provider.service_url, table=engine.prices, at=at)


def cost_of(usage: Usage, *, model: str, base_url: str | None, table: Sequence[Mapping[str, Any]], at: datetime) -> Cost | None:
    """The cost of a call to `model` at `base_url`, or None where no price is known.

    `table` are the engine's own prices, rows of ``{"input", "output", "currency", "valid_from"}`` in micro-units a million tokens;
    tokens of a cache cost as much as others there.
    """
    row = _valid(table, at.date())
    if row is not None:
        return _by_row(usage, row)
    return _by_list(usage, model, base_url, at) if base_url is not None else None


def _valid(table: Sequence[Mapping[str, Any]], day: date) -> Mapping[str, Any] | None:
    begun = [row for row in table if not row.get("valid_from") or date.fromisoformat(row["valid_from"]) <= day]
    return max(begun, key=lambda row: row.get("valid_from") or "", default=None)


def _by_row(usage: Usage, row: Mapping[str, Any]) -> Cost:
    amount = Decimal(usage.input_tokens * row["input"] + usage.output_tokens * row["output"]) / _MILLION
    return Cost(_rounded(amount), row.get("currency") or "USD", "operator")


def _by_list(usage: Usage, model: str, base_url: str, at: datetime) -> Cost | None:
    import genai_prices

    tokens = genai_prices.Usage(
        input_tokens=usage.input_tokens,
        cache_read_tokens=usage.cache_read_tokens,
        cache_write_tokens=usage.cache_write_tokens,
        output_tokens=usage.output_tokens,
    )
    try:
        price = genai_prices.calc_price(tokens, model, provider_api_url=base_url, genai_request_timestamp=at)
    except LookupError:
        return None
    return Cost(_rounded(price.total_price * _MILLION), "USD", f"genai-prices {genai_prices.__version__}")


def _rounded(amount: Decimal) -> int:
    return int(amount.quantize(Decimal(1), ROUND_HALF_EVEN))
