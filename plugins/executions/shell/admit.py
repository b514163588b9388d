"""The admission that a run requires, as its starter declares it and the column `slot` stores it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

from aasim_core.error_codes import LIMIT, ErrorCode
from aasim_core.errors import Refused

from ..kernel.slots import Rule
from ..models import Execution

_MESSAGE = "As many of these run as may at the same time, and no more of them may wait; try again when one has ended."
TOO_MANY = ErrorCode(
    "too_many_at_once",
    429,
    "as many executions run at the same time as may, and no more of them may wait",
    "wait for `Retry-After`",
    example=_MESSAGE,
    meta={**LIMIT, "limit": "admission", "scope": "key", "scope_id": "reports/daily", "used": 1, "max": 1, "resets_at": None},
)
_LONGEST_KEY = 300


@dataclass(frozen=True)
class Admit:
    """The admission that a run needs: a slot of the `key`, which each organization has for itself, by the `rule`.

    A key begins with the name of what it is of: ``agent/agent_01…``. Runs of the same `group` take turns with those of others. The slot is
    held for the whole ``run``, or for each ``turn``, and given back while the run waits. The rule of the last start counts for all runs
    of the key. ValueError for a key that is empty or longer than 300 characters.
    """

    key: str
    rule: Rule
    group: str = ""
    hold: Literal["run", "turn"] = "run"

    def __post_init__(self) -> None:
        if not 1 <= len(self.key) <= _LONGEST_KEY:
            raise ValueError(f"the key of an admission has 1 to {_LONGEST_KEY} characters")

    @classmethod
    def of(cls, execution: Execution) -> Admit:
        """The admission that the execution needs."""
        slot: dict[str, Any] = execution.slot
        return cls(**{**slot, "rule": Rule(**slot["rule"])})

    def to_json(self) -> dict[str, Any]:
        """What the column `slot` holds of it."""
        return asdict(self)

    def refusal(self) -> Refused:
        """Return the error for a start beyond the limit."""
        most = self.rule.longest if self.rule.policy == "queue" else self.rule.limit
        facts = {"limit": "admission", "scope": "key", "scope_id": self.key, "used": most, "max": most, "resets_at": None}
        return Refused(TOO_MANY, _MESSAGE, meta=facts, retry_after=5)
