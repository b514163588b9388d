"""The plugin's commands."""

import click

from aasim_core import App

from .service import settings_of


def greet(app: App) -> click.Command:
    """``aasim dummy greet NAME``."""

    @click.command("greet", help="Greet somebody.")
    @click.argument("name")
    def command(name: str) -> None:
        click.echo(f"{name}: {settings_of(app).answer}")

    return command
