"""``aasim secrets``: manage the keys that sign tokens and encrypt secrets."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from ..app import App
    from ..key_rotation.key_usage import KeyUse
    from ..settings import Settings


@click.group()
def secrets() -> None:
    """The keys of this installation."""


@secrets.command()
@click.pass_obj
def create(settings: "Settings") -> None:
    """Make the file of keys that secrets.key_file names; one that exists is left alone."""
    from ..errors import InvalidArgument
    from ..secrets import Keyring, new_key, save_keyring

    path = settings.secrets.key_file
    if path.exists():
        raise InvalidArgument(f'{path} exists; add a new key to it with "aasim secrets rotate"')
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    save_keyring(Keyring([new_key()]), path)
    click.echo(f"Wrote the keys to {path.absolute()} (setting secrets.key_file).")
    click.echo("Keep a copy of it apart from the database: without it, what is encrypted there is lost.")


@secrets.command()
@click.pass_obj
def rotate(settings: "Settings") -> None:
    """Put a new key before the others, and have a worker re-encrypt what they sealed, while everything runs."""
    from ..secrets import load_keyring, save_keyring

    path = settings.secrets.key_file
    with _opened(settings) as app:  # before anything is changed: the database may be out of reach
        save_keyring(app.keyring.rotated(), path)
        app.keyring = load_keyring(path)
        click.echo(
            f"{path} now begins with the key {app.keyring.key_ids[0]}. Running processes take it up; "
            "copy the file to the other machines and your backup."
        )
        if _is_migrated(app):
            _start_resealing(app)


@secrets.command()
@click.pass_obj
def reseal(settings: "Settings") -> None:
    """Let a worker seal with the newest key whatever an older one sealed; needed only if a rotation was cut short."""
    with _migrated(settings) as app:
        _start_resealing(app)


@secrets.command("list")
@click.pass_obj
def list_keys(settings: "Settings") -> None:
    """Show the keys, the one in use first: how many stored values each sealed, and which are no longer needed."""
    from ..key_rotation.key_usage import survey

    with _opened(settings) as app:
        if not _is_migrated(app):
            click.echo("\n".join(app.keyring.key_ids))  # nothing is stored yet
            return
        uses = survey(app)
    _print_table(uses)
    older = sum(sum(use.values.values()) for use in uses[1:] if use.in_ring)
    if older:
        click.echo(f"{older:,} values are still sealed with older keys; unless a worker is at it, run: aasim secrets reseal")
    if removable := [use.key_id for use in uses[1:] if use.in_ring and not use.need]:
        click.echo(f"No longer needed; run: aasim secrets remove {' '.join(removable)}")


@secrets.command()
@click.argument("key_ids", nargs=-1, required=True, metavar="ID...")
@click.pass_obj
def remove(settings: "Settings", key_ids: tuple[str, ...]) -> None:
    """Take keys that nothing needs out of the key file."""
    from ..errors import InvalidArgument
    from ..key_rotation.key_usage import forget, survey
    from ..secrets import save_keyring

    with _migrated(settings) as app:
        uses = {use.key_id: use for use in survey(app) if use.in_ring}
        newest = next(iter(uses))
        if faults := [fault for key_id in key_ids if (fault := _obstacle(uses.get(key_id), key_id, newest))]:
            raise InvalidArgument(*faults)
        ring = app.keyring
        for key_id in key_ids:
            ring = ring.without(key_id)
        save_keyring(ring, settings.secrets.key_file)
        forget(key_ids)
    click.echo(
        f"{settings.secrets.key_file} is without {', '.join(key_ids)}. Copy the file to the other machines and your backup."
    )


@secrets.command("forget")
@click.argument("key_id", metavar="ID")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_obj
def forget_key(settings: "Settings", key_id: str, yes: bool) -> None:
    """Continue without a lost key: processes start again, and values sealed with it stay unreadable."""
    from ..errors import InvalidArgument
    from ..key_rotation.key_usage import forget, survey

    with _migrated(settings) as app:
        use = next((use for use in survey(app) if use.key_id == key_id), None)
        if use is None or use.in_ring:
            reason = "nobody knows that key" if use is None else "that key is in the key file"
            raise InvalidArgument(f'{reason}; "aasim secrets list" shows which are missing')
        if not yes:
            click.confirm(f"The key {key_id} is lost: {use.need or 'nothing needs it'}. Continue without it?", abort=True)
        forget([key_id])
    click.echo(f"Processes start without {key_id} now.")


def _obstacle(use: "KeyUse | None", key_id: str, newest: str) -> str | None:
    if use is None:
        return f'there is no key {key_id} in the key file; "aasim secrets list" shows those that there are'
    if key_id == newest:
        return f'{key_id} is the key in use; put another one before it with "aasim secrets rotate"'
    return f"{key_id} cannot be removed: {use.need}" if use.need else None


@contextmanager
def _opened(settings: "Settings") -> "Iterator[App]":
    from ..process.installation import open_app

    app = open_app(settings)
    try:
        with app.database.connected():
            yield app
    finally:
        app.database.close_all()


@contextmanager
def _migrated(settings: "Settings") -> "Iterator[App]":
    from ..data.migrator.runner import refuse_pending

    with _opened(settings) as app:
        refuse_pending(app.database, app.migration_sources)
        yield app


def _is_migrated(app: "App") -> bool:
    from ..data.migrator.phases import BEFORE_START
    from ..data.migrator.runner import narrowed, pending

    return not pending(app.database, narrowed(app.migration_sources, BEFORE_START))


def _start_resealing(app: "App") -> None:
    from ..key_rotation import resealing

    resealing.start(app)
    click.echo('A worker seals stored values with it; "aasim secrets list" shows how far that is.')


def _print_table(uses: "list[KeyUse]") -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, header_style="bold", pad_edge=False)
    for title in ("key", "stored values", "state"):
        table.add_column(title, overflow="fold")
    for number, use in enumerate(uses):
        table.add_row(use.key_id, f"{sum(use.values.values()):,}", _state(use, is_newest=number == 0))
    console = Console(file=sys.stdout)
    console.width = console.width if console.is_terminal else 200  # a pipe has no width that lines must be broken for
    console.print(table)


def _state(use: "KeyUse", *, is_newest: bool) -> str:
    if is_newest:
        return "in use"
    if use.in_ring:
        return use.need or "no longer needed"
    return f"missing from the key file; {use.need}" if use.need else "missing from the key file"
