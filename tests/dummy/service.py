"""What the plugin does with greetings."""

from pathlib import Path

from aasim_core import App, emit
from aasim_core.data import records

from .models import Greeting
from .settings import DummySettings


def settings_of(app: App) -> DummySettings:
    """The plugin's section of the settings."""
    return app.settings.section("dummy", DummySettings)


def mark(app: App) -> Path:
    """The file that says that the plugin has started."""
    return app.settings.data_dir / "dummy-started"


def answer(app: App, greeting_id: str) -> None:
    """Answer a greeting, once."""
    with app.database.transaction():
        greeting = records.find(Greeting, greeting_id)
        if greeting.answer is None:
            words = settings_of(app).answer
            records.change(greeting, {"answer": words})
            emit("dummy.answered", greeting, data={"answer": words})
