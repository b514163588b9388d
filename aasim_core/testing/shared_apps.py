"""Apps that tests take turns with: to build one takes ten times as long as most tests do."""

import shutil
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..app import App, Stash
from ..bootstrap import build_app
from ..data.backends.connect import bind, unbind
from ..identity.passwords import Passwords
from ..plugins import Plugins
from ..plugins.loading.hook_manager import offered_hooks
from ..serving.application import make_wsgi
from ..settings import Settings

#: How long those wait who act at the same time, before the app says that it is busy: a machine that runs tests may be slow.
PATIENCE_SECONDS = 60
#: Maximum number of idle apps with different settings.
_MOST = 4


@contextmanager
def opened(settings: Settings, plugins: Plugins | None = None) -> Iterator[App]:
    """An app that is connected, in no scope; `plugins` are those that are on, if they have been loaded."""
    shared = _Shared.build(settings, plugins)
    with shared.entered() as app:
        yield app


@dataclass
class _Shared:
    """An app, the settings that it was built with, and what it is made of while no test has it."""

    settings: Settings
    plugins: Plugins | None
    app: App
    wsgi: Any = None
    parts: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def build(cls, settings: Settings, plugins: Plugins | None) -> "_Shared":
        app = build_app(settings, plugins=plugins)
        app.passwords = Passwords(settings.auth.hashing_at_once, PATIENCE_SECONDS)
        return cls(settings, plugins, app, parts=_parts_of(app))

    @contextmanager
    def entered(self) -> Iterator[App]:
        bind(self.app.database, self.app.models)
        with self.app.database.connected():
            yield self.app
        self.app.database.close_all()
        unbind(self.app.models)  # or the next app's queries would hold this one, and so on to the first

    @property
    def is_as_built(self) -> bool:
        """Whether the test has put nothing else in the place of what the app was built of, nor counted requests."""
        parts, limits = _parts_of(self.app), self.settings.rate_limits
        same = parts.keys() == self.parts.keys() and all(parts[name] is part for name, part in self.parts.items())
        return same and not limits.enabled and not self.app.draining.is_set()

    def forget(self) -> None:
        """Drop what plugins keep of the test's organizations."""
        self.app.stash = Stash(self.app)
        self.parts = _parts_of(self.app)


class SharedApps(AbstractContextManager["SharedApps"]):
    """The apps of a session, by their settings. What a test has changed in its app ends with the test: such an app is not used again."""

    def __init__(self) -> None:
        self._waiting: list[_Shared] = []
        self._lent: list[_Shared] = []

    @contextmanager
    def lent(self, settings: Settings, plugins: Plugins) -> Iterator[App]:
        """An app with these settings and plugins, connected, in no scope."""
        shared = self._take(settings, plugins) or _Shared.build(settings, plugins)
        self._lent.append(shared)
        with shared.entered() as app:
            yield app
        self._lent.remove(shared)
        if shared.is_as_built:
            shared.forget()
            self._waiting = [shared, *self._waiting[: _MOST - 1]]

    def wsgi_of(self, app: App) -> Any:
        """The WSGI application of an app that is lent."""
        shared = next(shared for shared in self._lent if shared.app is app)
        shared.wsgi = shared.wsgi or make_wsgi(app)
        return shared.wsgi

    def _take(self, settings: Settings, plugins: Plugins) -> _Shared | None:
        for shared in self._waiting:
            if shared.settings == settings and shared.plugins is plugins:
                self._waiting.remove(shared)
                return shared
        return None

    def __exit__(self, *_: object) -> None:
        self._waiting.clear()


def _parts_of(app: App) -> dict[str, Any]:
    """What an app, its database and its offers are made of, by name."""
    database = {name: getattr(app.database, name) for name in ("before_commit", "when_emitted")}
    return {**vars(app), **database, **{hook: app.offers(hook) for hook in offered_hooks(app.plugins)}}


@contextmanager
def data_folder(folder: Path) -> Iterator[None]:
    """A data folder that a test finds as the one before found it: with a key file, and the queue that wakes workers."""
    key_file, queue = folder / "secrets.json", "queue"
    before = key_file.read_bytes()
    yield
    for path in folder.iterdir():
        if path.is_dir():
            shutil.rmtree(path)
        elif path != key_file and not path.name.startswith(queue):
            path.unlink()
    key_file.write_bytes(before)
