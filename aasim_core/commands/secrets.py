"""``aasim secrets``: the keys that sign tokens and encrypt what is secret."""

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from ..settings import Settings


@click.group()
def secrets() -> None:
    """The keys of this installation."""


@secrets.command()
@click.pass_obj
def create(settings: "Settings") -> None:
    """Make the key file; one that exists is left alone."""
    from ..errors import StartupError
    from ..secrets import Keyring, new_key, save_keyring

    path = settings.secrets.key_file
    if path.exists():
        raise StartupError(f'{path} exists; add a new key to it with "aasim secrets rotate"')
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    save_keyring(Keyring([new_key()]), path)
    click.echo(f"Made {path}. Keep a copy of it apart from the database: without it, what is encrypted there is lost.")


@secrets.command()
@click.pass_obj
def rotate(settings: "Settings") -> None:
    """Put a new key before the others; they go on opening what they sealed, and sessions go on."""
    from ..secrets import load_keyring, save_keyring

    path = settings.secrets.key_file
    ring = load_keyring(path).rotated()
    save_keyring(ring, path)
    click.echo(f"{path} now begins with the key {ring.key_ids[0]}. Running processes take it up; copy the file to your backup.")


@secrets.command("list")
@click.pass_obj
def list_keys(settings: "Settings") -> None:
    """Show the ids of the keys, the one in use first."""
    from ..secrets import load_keyring

    for key_id in load_keyring(settings.secrets.key_file).key_ids:
        click.echo(key_id)
