"""The types of declarations: those of the bundled plugins are as they say, and a wrong one is told."""

from collections.abc import Callable
from dataclasses import dataclass, is_dataclass
from typing import TYPE_CHECKING

import pytest

from aasim_core.app import App
from aasim_core.plugins.extensions import offered_hooks
from aasim_core.plugins.field_types import flaw_of_fields

if TYPE_CHECKING:
    from decimal import Decimal


@dataclass(frozen=True)
class Inner:
    """A dataclass within another one."""

    words: "list[str]"


@dataclass(frozen=True)
class Outer:
    """One field of each kind."""

    inner: Inner
    amount: "Decimal | None" = None
    ready: bool = False
    compute: Callable[[str, int], str] | None = None


def weigh(config: str) -> str:
    """A function that takes too little."""
    return config


@pytest.mark.parametrize(
    ("value", "flaw"),
    [
        (Outer(Inner(["a"])), None),
        (Outer(Inner(["a"]), amount="unknown here"), None),  # type: ignore[arg-type] # imported for type checkers only
        (Outer({}), "inner must be Inner: dict is not an instance of"),  # type: ignore[arg-type]
        (Outer(Inner(["a", 3])), "inner.words must be list[str]: item 1 of list is not an instance of str"),  # type: ignore[list-item]
        (Outer(Inner([]), ready="no"), "ready must be bool: str is not an instance of bool"),  # type: ignore[arg-type]
        (
            Outer(Inner([]), compute=weigh),  # type: ignore[arg-type]
            "compute must be Callable[[str, int], str] | None: it is called with 2 arguments, and written weigh(config)",
        ),
    ],
)
def test_a_field_of_another_type_is_told_with_what_it_must_be(value: Outer, flaw: str | None) -> None:
    found = flaw_of_fields(value)
    assert found == flaw if flaw is None else str(found).startswith(flaw)


def test_what_the_bundled_plugins_declare_has_the_types_that_it_says(app: App) -> None:
    declared = [*app.permissions.values(), *app.events.values(), *app.jobs.values(), *app.listeners.values(), *app.checks]
    declared += [offer for hook in offered_hooks(app.plugins) for offer in app.offers(hook).values()]
    assert [flaw for one in declared if is_dataclass(one) and (flaw := flaw_of_fields(one))] == []
