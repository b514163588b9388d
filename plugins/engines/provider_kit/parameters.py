"""Validate the stored parameters of an agent or engine."""

from collections.abc import Callable, Mapping, Set
from types import MappingProxyType
from typing import Any

from ..chat import EngineError, Parameters

_MOST_STOPS = 4


def parameters_from(*layers: Mapping[str, Any], timeout_seconds: float = 120, attempt: int = 1) -> Parameters:
    """Merge the parameters of `layers`, later ones over earlier ones; null leaves a value to the provider.

    `temperature`, `max_output_tokens`, `seed` and `stop` are common to all providers; the rest is provider-specific and becomes `extra`.
    Raises `EngineError` (`invalid_request`) with a sentence that says what to write.
    """
    values = {key: value for layer in layers for key, value in layer.items()}
    common = {key: check(key, values.pop(key)) for key, check in _CHECKS.items() if values.get(key) is not None}
    extra = {key: value for key, value in values.items() if key not in _CHECKS}
    return Parameters(**common, extra=MappingProxyType(extra), timeout_seconds=timeout_seconds, attempt=attempt)


def refuse_reserved(values: Mapping[str, Any], reserved: Set[str]) -> None:
    """Raise `EngineError` (`invalid_request`) where `values` have a parameter that the provider makes from the agent."""
    if clash := sorted(reserved & values.keys()):
        raise EngineError("invalid_request", f"the parameter {clash[0]} cannot be set; it is made from the agent")


def _number(least: float, most: float) -> Callable[[str, Any], float]:
    def check(key: str, value: Any) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
            raise _wrong(key, f"a number from {least} to {most}")
        return value

    return check


def _whole(least: int, most: int) -> Callable[[str, Any], int]:
    def check(key: str, value: Any) -> int:
        if type(value) is not int or not least <= value <= most:
            raise _wrong(key, f"a whole number from {least} to {most}")
        return value

    return check


def _stops(key: str, value: Any) -> tuple[str, ...]:
    stops = (value,) if isinstance(value, str) else value
    if not isinstance(stops, list | tuple) or len(stops) > _MOST_STOPS or not all(isinstance(s, str) and s for s in stops):
        raise _wrong(key, f"a text, or a list of at most {_MOST_STOPS} texts")
    return tuple(stops)


def _wrong(key: str, wanted: str) -> EngineError:
    return EngineError("invalid_request", f"the parameter {key} must be {wanted}")


_CHECKS: Mapping[str, Callable[[str, Any], Any]] = MappingProxyType(
    {"temperature": _number(0, 2), "max_output_tokens": _whole(1, 1_000_000), "seed": _whole(0, 2**32 - 1), "stop": _stops}
)
