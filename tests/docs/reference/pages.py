"""The pages of docs/reference/, each made from declarations."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from aasim_core.app import App

from . import endpoints, error_codes, events, grades, metrics, permissions, python, settings

#: What writes a page, by the page's name.
PAGES: Mapping[str, Callable[[App], str]] = MappingProxyType(
    {
        "endpoints": endpoints.page,
        "error-codes": error_codes.page,
        "events": events.page,
        "grades": grades.page,
        "metrics": metrics.page,
        "permissions": permissions.page,
        **python.pages(),
        "settings": settings.page,
    }
)
