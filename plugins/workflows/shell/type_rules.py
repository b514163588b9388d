"""Check a declared type of nodes: its functions take what they are called with, and its outcomes can be told."""

import inspect
from collections.abc import Callable, Mapping
from typing import Any

#: What each function of a type is called with.
_PARAMETERS = {
    "compute": ("config", "data"),
    "call": ("use",),
    "bind": ("app", "config"),
    "child": ("use",),
    "wait": ("use",),
    "came": ("settled",),
    "ask": ("use", "question_id"),
    "decided": ("decision",),
}
#: Those that return a `Result`, which says the outcome.
_TELLING = ("compute", "came", "decided")


def refuse_flawed(functions: Mapping[str, Callable[..., Any] | None], *, has_outcomes: bool) -> None:
    """ValueError for a function that cannot be called, and for outcomes that no function can tell."""
    for name, parameters in _PARAMETERS.items():
        function = functions[name]
        if function is not None and not _takes(function, len(parameters)):
            raise ValueError(f"{name} takes ({', '.join(parameters)})")
    given = [name for name in ("call", "bind", "child") if functions[name] is not None]
    if has_outcomes and given and not any(functions[name] for name in _TELLING):
        raise ValueError(
            f"a type with {given[0]} has no outcomes but done and error; leave outcomes out, and let a type with compute branch"
        )


def _takes(function: Callable[..., Any], count: int) -> bool:
    try:
        inspect.signature(function).bind(*[None] * count)
    except TypeError:
        return False
    except ValueError:  # some functions that are not written in Python do not tell
        return True
    return True
