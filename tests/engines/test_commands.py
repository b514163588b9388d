"""``aasim engines fetch``."""

from dataclasses import replace
from typing import Any

import pytest
from click.testing import CliRunner

from aasim_core.errors import StartupError
from aasim_plugins.engines.chat import Capabilities, Progress, Provider
from aasim_plugins.engines.commands import fetch

PLAIN = Provider("plain", "Plain", Capabilities(), open=lambda _config: pytest.fail("never opened"))


def test_fetch_shows_what_it_does(app: Any) -> None:
    def prepare(progress: Progress) -> None:
        progress("downloading the model", 1, 2)

    app.offers.keep(
        "engine_providers", {"plain": PLAIN, "needy": replace(PLAIN, name="needy", title="Needy model", prepare=prepare)}
    )

    done = CliRunner().invoke(fetch(app))

    assert done.exit_code == 0
    assert done.output.splitlines() == ["  downloading the model: 50 %", "✓ Needy model is ready"]


def test_fetch_fails_with_the_providers_sentence(app: Any) -> None:
    def prepare(progress: Progress) -> None:
        raise StartupError("there is no network")

    app.offers.keep("engine_providers", {"needy": replace(PLAIN, prepare=prepare)})

    done = CliRunner().invoke(fetch(app))

    assert isinstance(done.exception, StartupError)
