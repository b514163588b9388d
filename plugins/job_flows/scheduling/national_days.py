"""The public holidays of countries, and their weekends."""

from datetime import date
from functools import lru_cache
from typing import Any

from aasim_core.errors import Invalid, Problem
from aasim_core.text.suggestions import did_you_mean


def refuse_unknown(country: str, subdivision: str | None) -> None:
    """Invalid, of ``calendar``, for a country without known holidays, or a part of it that it does not have."""
    parts = _countries().get(country)
    if parts is None:
        message = f"The holidays of {country} are not known.{did_you_mean(country, _countries())}"
        raise Invalid({"calendar.country": [Problem("invalid_choice", message)]})
    if subdivision is not None and subdivision not in parts:
        known = f" It has {', '.join(parts)}." if parts else " Write none."
        raise Invalid({"calendar.subdivision": [Problem("invalid_choice", f"{country} has no {subdivision}.{known}")]})


def is_holiday(country: str, subdivision: str | None, day: date) -> bool:
    """Whether the day is a public holiday there."""
    return day in _days(country, subdivision, day.year)


def weekend_of(country: str) -> frozenset[int]:
    """The days of its weekend; 0 is Monday."""
    return frozenset(_of(country, None).weekend)


@lru_cache(maxsize=1024)
def _days(country: str, subdivision: str | None, year: int) -> frozenset[date]:
    return frozenset(_of(country, subdivision, year))


def _of(country: str, subdivision: str | None, *years: int) -> Any:
    from holidays import country_holidays  # takes some time, and few processes need it

    return country_holidays(country, subdiv=subdivision, years=years or None, expand=False)


@lru_cache(maxsize=1)
def _countries() -> dict[str, list[str]]:
    from holidays import list_supported_countries

    return dict(list_supported_countries(include_aliases=False))
