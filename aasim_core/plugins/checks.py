"""What a plugin wants to be asked about its health."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Check:
    """A named question about what the platform depends on; `ask` returns facts, and raises when something is wrong.

    A `critical` check takes this process out of service while it fails. `ask` has a connection to the database, unless the check does
    without: `on_database`.
    """

    name: str
    ask: Callable[[], Mapping[str, Any] | None]
    critical: bool = False
    on_database: bool = True


class Unwell(Exception):
    """Raised by a check: what is wrong, with the facts that tell of it."""

    def __init__(self, problem: str, **facts: Any) -> None:
        super().__init__(problem)
        self.facts = facts
