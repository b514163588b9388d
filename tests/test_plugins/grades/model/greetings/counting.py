"""The plugin's commands."""

import click


@click.command("count", help="Count the greetings.")
def count() -> None:
    """Say how many greetings there are."""
    click.echo("There are none.")
