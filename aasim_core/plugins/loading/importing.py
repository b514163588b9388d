"""Import a plugin's package, whatever it does."""

import importlib
import importlib.util
import sys
from collections.abc import Iterable
from types import ModuleType

from ..failures import describe, is_from_outside
from .discovery import Candidate


class Unimportable(Exception):
    """The plugin cannot be imported; the text is the reason, as a phrase whose subject is the plugin."""


def import_plugin(candidate: Candidate) -> ModuleType:
    """Return the module of a plugin; raises `Unimportable`."""
    module = import_named(candidate.module, str(candidate.file))
    _keep_hooks(module, candidate.hooks)
    if getattr(module, "plugin", None) != candidate.manifest:
        raise Unimportable("changes its manifest when it is imported; `plugin` must be what its source says")
    return module


def import_named(module: str, origin: str | None) -> ModuleType:
    """Return the module of that name, of the plugin whose ``__init__.py`` is `origin`; raises only `Unimportable`."""
    try:
        return importlib.import_module(module)
    except BaseException as error:  # not even a plugin that calls sys.exit ends the platform
        if is_from_outside(error):
            raise
        raise Unimportable(f"does not import: {describe(error, origin)}") from error


def _keep_hooks(module: ModuleType, hooks: Iterable[str]) -> None:
    """Prevent ``jobs.py`` from hiding the hook `jobs`: Python sets a package's attribute when a submodule is first imported.

    Each submodule named like one of the `hooks` is imported now, and the attribute is reset to the hook.
    """
    for name in sorted(hooks):
        function = vars(module).get(name)
        if isinstance(function, ModuleType):
            raise Unimportable(
                f"must import its .{name} at the top of its __init__.py; imported later, it takes the place of the hook {name}"
            )
        submodule = f"{module.__name__}.{name}"
        if hasattr(module, "__path__") and submodule not in sys.modules and importlib.util.find_spec(submodule):
            import_named(submodule, module.__file__)
            setattr(module, name, function)
