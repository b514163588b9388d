"""``aasim engines``: list what the engines of this machine need."""

import click

from aasim_core import App
from aasim_core.terminal.output import Terminal

from .service import prepare


def fetch(app: App) -> click.Command:
    """``aasim engines fetch``."""

    @click.command("fetch", help="Get what the engines need on this machine: the embedded model. A second time changes nothing.")
    def command() -> None:
        terminal = Terminal()
        with terminal.working("preparing the engines") as report:
            ready = prepare(app, report)
        for title in ready:
            terminal.done(f"{title} is ready")

    return command
