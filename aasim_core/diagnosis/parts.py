"""The parts of an installation, each built by the first check that needs it, which reports its failure."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import cached_property

from ..app import App
from ..bootstrap import build_app, open_database
from ..data.database import Database
from ..settings import Settings


class Parts:
    """Settings, database and app of one installation."""

    def __init__(self, load: Callable[[], Settings]) -> None:
        self._load = load

    @cached_property
    def settings(self) -> Settings:
        """What `load` gives; StartupError with every fault of the settings."""
        return self._load()

    @cached_property
    def database(self) -> Database:
        """The database that the settings name; nothing is opened yet."""
        return open_database(self.settings)

    @cached_property
    def app(self) -> App:
        """The app of the plugins that are on; StartupError with every fault of theirs."""
        return build_app(self.settings, database=self.database)

    def connected(self) -> AbstractContextManager[object]:
        """A connection to the database, until the end."""
        return self.database.connected()

    def close(self) -> None:
        """Close the connections that the checks have opened."""
        if "database" in vars(self):
            self.database.close_all()
