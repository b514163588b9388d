"""``aasim admin``: administrators of the platform."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from ..settings import Settings


@click.group()
def admin() -> None:
    """Administrators of the platform."""


@admin.command()
@click.option("--email", required=True, metavar="E", help="The address to log in with.")
@click.option("--generate", is_flag=True, help="Make a password and print it, once.")
@click.option(
    "--password-file",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    metavar="F",
    help="Take the password from the first line of a file.",
)
@click.pass_obj
def create(settings: "Settings", email: str, generate: bool, password_file: Path | None) -> None:
    """Create an administrator, with an organization of their own."""
    from ..identity import administrators
    from ..installation import open_app

    if generate == (password_file is not None):
        raise click.UsageError("Say where the password comes from: --generate or --password-file F.")
    password = _from_file(password_file) if password_file else generated_password()
    administrators.create(open_app(settings), email, password)
    click.echo(f"Created {email}.")
    if generate:
        click.echo(f"Password, shown only now: {password}")


def generated_password() -> str:
    """A password with 120 random bits."""
    from secrets import token_urlsafe

    return token_urlsafe(15)


def _from_file(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").partition("\n")[0].rstrip("\r")
    except UnicodeDecodeError:
        raise click.UsageError(f"{path} is not text in UTF-8; write the password into it as such.") from None
