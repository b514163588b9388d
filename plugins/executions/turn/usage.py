"""The usage of a run: tokens and costs, which are never added up over different currencies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import orjson

from ..models import NO_CURRENCY

if TYPE_CHECKING:
    from ..models import Execution

#: The columns of an execution that `shown` needs.
COLUMNS = ("input_tokens", "output_tokens", "cost", "currency", "usage_details")


class Tokens(Protocol):
    """What a model read and wrote; `source` is ``estimated`` where the service did not count."""

    @property
    def input_tokens(self) -> int: ...
    @property
    def output_tokens(self) -> int: ...
    @property
    def source(self) -> str: ...


class Cost(Protocol):
    """Micro-units of a currency."""

    @property
    def amount(self) -> int: ...
    @property
    def currency(self) -> str: ...


class Spent(Protocol):
    """What one call of an engine took; `partial` is the text that a call without a reply had streamed, None where it had a reply."""

    @property
    def engine_id(self) -> str: ...
    @property
    def model(self) -> str: ...
    @property
    def usage(self) -> Tokens: ...
    @property
    def cost(self) -> Cost | None: ...
    @property
    def partial(self) -> str | None: ...


@dataclass
class Tally:
    """Tokens, and micro-units by currency; `costs` is empty as long as no price is known."""

    input_tokens: int = 0
    output_tokens: int = 0
    costs: dict[str, int] = field(default_factory=dict)

    @property
    def tokens(self) -> int:
        """All tokens, read and written."""
        return self.input_tokens + self.output_tokens

    @property
    def known_costs(self) -> dict[str, int]:
        """Micro-units by currency. Nothing is nothing in every currency: zeros count only where there is nothing else."""
        return {currency: amount for currency, amount in self.costs.items() if amount} or dict(list(self.costs.items())[:1])

    def add(self, spent: Spent) -> None:
        """Count one call of an engine."""
        self.input_tokens += spent.usage.input_tokens
        self.output_tokens += spent.usage.output_tokens
        if spent.cost is not None:
            self.costs[spent.cost.currency] = self.costs.get(spent.cost.currency, 0) + spent.cost.amount


@dataclass
class Usage:
    """What all engines took for a run, the part of it that `judges` took, and the engine and model that answered last."""

    whole: Tally = field(default_factory=Tally)
    judges: Tally = field(default_factory=Tally)
    is_estimated: bool = False
    engine_id: str | None = None
    model: str | None = None

    @classmethod
    def of(cls, execution: Execution) -> Usage:
        """What the execution's row says."""
        details = execution.usage_details or {}
        costs = details.get("costs") or ({} if execution.cost is None else {execution.currency or NO_CURRENCY: execution.cost})
        judges = details.get("judges") or {}
        return cls(
            Tally(execution.input_tokens, execution.output_tokens, dict(costs)),
            Tally(judges.get("input_tokens", 0), judges.get("output_tokens", 0), dict(judges.get("costs", {}))),
            details.get("estimated", False),
            execution.engine_id,
            execution.model,
        )

    def add(self, spent: Spent, *, by_judge: bool = False) -> None:
        """Count one call of an engine."""
        self.whole.add(spent)
        self.is_estimated = self.is_estimated or spent.usage.source == "estimated"
        if by_judge:
            self.judges.add(spent)
        else:
            self.engine_id, self.model = spent.engine_id, spent.model

    def columns(self) -> dict[str, Any]:
        """The values of the execution's row."""
        costs = self.whole.known_costs
        [(currency, cost)] = costs.items() if len(costs) == 1 else [(None, None)]
        return {
            "input_tokens": self.whole.input_tokens,
            "output_tokens": self.whole.output_tokens,
            "cost": cost,
            "currency": currency,
            "usage_details": self._details(costs) or None,
            "engine_id": self.engine_id,
            "model": self.model,
        }

    def _details(self, costs: Mapping[str, int]) -> dict[str, Any]:
        """What no column of its own has; most runs have nothing of it."""
        details: dict[str, Any] = {"estimated": True} if self.is_estimated else {}
        if len(costs) > 1:
            details["costs"] = costs
        if self.judges.tokens:
            details["judges"] = {**vars(self.judges), "costs": self.judges.known_costs}
        return details


def shown(row: Mapping[str, Any]) -> dict[str, Any]:
    """The usage as clients get it (see ``UsageOut``), from a row with `COLUMNS`, the details as JSON text."""
    details = orjson.loads(row["usage_details"] or "{}")
    costs = details.get("costs") or ({} if row["cost"] is None else {row["currency"]: row["cost"]})
    judges = details.get("judges")
    return {
        **{name: row[name] for name in ("input_tokens", "output_tokens", "cost", "currency")},
        "costs": _listed(costs),
        "estimated": details.get("estimated", False),
        "judges": judges and {**judges, "costs": _listed(judges["costs"])},
    }


def _listed(costs: Mapping[str | None, int]) -> list[dict[str, Any]]:
    return [{"currency": currency, "cost": cost} for currency, cost in costs.items()]
