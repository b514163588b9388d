"""Options that set a setting, and the settings as the command line has them."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from ..settings import Settings

Command = TypeVar("Command", bound=Callable[..., Any])


def setting_option(setting: str, *names: str, **attributes: Any) -> Callable[[Command], Command]:
    """An option that sets the setting `setting` (``section.key``), over environment and file."""

    def remember(ctx: click.Context, parameter: click.Parameter, value: Any) -> None:
        if value is not None:
            flags_of(ctx)[setting] = value
            if ctx.parent is not None:
                ctx.obj = load_settings(ctx)

    return click.option(*names, callback=remember, expose_value=False, **attributes)


def flags_of(ctx: click.Context) -> dict[str, Any]:
    """The settings given on the command line."""
    flags: dict[str, Any] = ctx.meta.setdefault("aasim.flags", {})
    return flags


def load_settings(ctx: click.Context) -> "Settings":
    """The settings as flags, environment and file say."""
    from ..settings import Settings

    return Settings.load(flags_of(ctx), config=ctx.find_root().params.get("config"))
