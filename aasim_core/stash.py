"""What plugins keep for as long as a process has its app: a cache, a client, a tally."""

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from .app import App

_T = TypeVar("_T")


class Kept(Generic[_T]):
    """The key of something that each app has one of; `make` makes it when it is first asked for.

    The key stands at the top of a module, and what it leads to nowhere but in the app: ``TALLY = Kept(lambda app: Tally())``, and then
    ``app.stash.of(TALLY)``.
    """

    def __init__(self, make: "Callable[[App], _T]") -> None:
        self.make = make


class Stash:
    """What an app keeps, by key; safe for threads."""

    def __init__(self, app: "App") -> None:
        self._app = app
        self._lock = threading.RLock()  # what is made may ask for something else that is kept
        self._held: dict[Kept[Any], Any] = {}

    def of(self, key: Kept[_T]) -> _T:
        """What is kept under the key, made if it is not there; whoever asks at the same time gets the same."""
        if key not in self._held:
            with self._lock:
                if key not in self._held:
                    self._held[key] = key.make(self._app)
        held: _T = self._held[key]
        return held

    def find(self, key: Kept[_T]) -> _T | None:
        """What is kept under the key, or None where nobody has asked for it yet."""
        return self._held.get(key)
