"""Explain a change in cost or success rate between two periods: the part of each factor, in each group.

What calls of engines cost is the number of calls, times the share of the group in them, times the tokens of one, times the price of one.
Runs that succeeded are the number of runs, times the share of the group in them, times the part of these that succeeded. Where a group has
nothing in one period, what is of each call or run is taken from the other, so that it counts as a change of the shares alone; where nothing
at all was in one period, so are the shares.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from .shapley import parts_of_change, whole

#: What explains a cost: corrections are of calls of another time, or of ones that are not counted.
COST_PARTS = ("volume", "mix", "tokens", "price", "corrections")
#: What explains how many runs succeeded.
SUCCESS_PARTS = ("volume", "mix", "rate")
_MILLION = 1_000_000
_NONE = Fraction(0)
Group = tuple[Any, ...]
Row = Mapping[str, Any]
Cells = dict[tuple[Group, str], Fraction]


@dataclass(frozen=True)
class Change:
    """A number before and after, what explains the difference, and the same for each group: whole numbers that sum to it."""

    before: int
    after: int
    parts: Mapping[str, int]
    groups: Mapping[Group, Mapping[str, int]]


@dataclass(frozen=True)
class _Unit:
    """How often something happened in a group, and what it was each time; None where it did not happen."""

    count: int
    each: Sequence[Fraction] | None


def costs(before: Mapping[Group, Row], after: Mapping[Group, Row]) -> dict[str, Change]:
    """Why the costs changed, by currency; the rows of each period are by group."""
    rows = [*before.values(), *after.values()]
    currencies = sorted({cost["currency"] for row in rows for cost in row["costs"]})
    return {currency: _cost(before, after, currency) for currency in currencies}


def success(before: Mapping[Group, Row], after: Mapping[Group, Row]) -> Change:
    """Why another number of runs succeeded, in millionths of a run; those that were cancelled do not count."""

    def unit(row: Row) -> _Unit:
        tried = row["runs"] - row["cancelled"]
        return _Unit(tried, (Fraction(row["succeeded"], tried),) if tried else None)

    cells = _cells([_units(before, unit), _units(after, unit)], SUCCESS_PARTS)
    was, is_now = (sum(row["succeeded"] for row in period.values()) * _MILLION for period in (before, after))
    return _change(was, is_now, {key: part * _MILLION for key, part in cells.items()}, SUCCESS_PARTS)


def _cost(before: Mapping[Group, Row], after: Mapping[Group, Row], currency: str) -> Change:
    def amount(row: Row | None) -> int:
        return 0 if row is None else sum(cost["cost"] for cost in row["costs"] if cost["currency"] == currency)

    # Without a token there is no price of one: what each call costs is its price then.
    uncounted = {group for period in (before, after) for group, row in period.items() if row["calls"] and not _tokens(row)}

    def unit(group: Group, row: Row) -> _Unit:
        calls = row["calls"]
        if not calls:
            return _Unit(0, None)
        tokens = calls if group in uncounted else _tokens(row)
        return _Unit(calls, (Fraction(tokens, calls), Fraction(amount(row), tokens)))

    periods = [{group: unit(group, row) for group, row in period.items()} for period in (before, after)]
    cells = _cells(periods, COST_PARTS[:-1])
    for group in {*before, *after}:
        left = [0 if row is None or row["calls"] else amount(row) for row in (before.get(group), after.get(group))]
        cells[group, "corrections"] = Fraction(left[1] - left[0])
    was, is_now = (sum(map(amount, period.values())) for period in (before, after))
    return _change(was, is_now, cells, COST_PARTS)


def _tokens(row: Row) -> int:
    return int(row["input_tokens"] + row["output_tokens"])


def _units(rows: Mapping[Group, Row], unit: Any) -> dict[Group, _Unit]:
    return {group: unit(row) for group, row in rows.items()}


def _cells(periods: Sequence[Mapping[Group, _Unit]], names: Sequence[str]) -> Cells:
    """The part of each factor in the change of each group."""
    totals = [sum(unit.count for unit in period.values()) for period in periods]
    cells: Cells = {}
    for group in {**periods[0], **periods[1]}:
        units = [period.get(group, _Unit(0, None)) for period in periods]
        known = [unit.each for unit in units if unit.each is not None]
        if known:
            shares = [Fraction(unit.count, total) if total else None for unit, total in zip(units, totals, strict=True)]
            factors = [
                [Fraction(total), share if share is not None else other or _NONE, *(unit.each or known[0])]
                for unit, total, share, other in zip(units, totals, shares, reversed(shares), strict=True)
            ]
            cells |= {(group, name): part for name, part in zip(names, parts_of_change(*factors), strict=True)}
    return cells


def _change(before: int, after: int, cells: Cells, names: Sequence[str]) -> Change:
    ordered = {key: cells[key] for key in sorted(cells, key=lambda key: (_sortable(key[0]), names.index(key[1])))}
    parts = whole(ordered)
    groups: dict[Group, dict[str, int]] = {}
    for (group, name), part in parts.items():
        groups.setdefault(group, dict.fromkeys(names, 0))[name] = part
    return Change(before, after, {name: sum(group[name] for group in groups.values()) for name in names}, groups)


def _sortable(group: Group) -> list[tuple[bool, str]]:
    return [(value is None, str(value)) for value in group]
