"""The declaration of a plugin's health check."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Check:
    """A named check of something the platform depends on; `ask` returns facts, and raises on failure.

    A failing `critical` check takes this process out of service. `ask` has a database connection unless `on_database` is False.
    ``aasim doctor`` makes the same checks, except one `of_process`, which describes only the process that it runs in.
    """

    name: str
    ask: Callable[[], Mapping[str, Any] | None]
    critical: bool = False
    on_database: bool = True
    of_process: bool = False


class Unwell(Exception):
    """Raised by a failing check, with the facts."""

    def __init__(self, problem: str, **facts: Any) -> None:
        super().__init__(problem)
        self.facts = facts
