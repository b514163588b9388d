"""Assemble plugins: one pluggy manager with the core's hooks, the hooks that plugins offer, and their implementations."""

import importlib.util
import inspect
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import fields, is_dataclass
from types import ModuleType
from typing import Any, get_args, get_type_hints

import pluggy

from ..failures import did_you_mean, place_of
from ..field_types import flaw_of_values
from ..registry import Fault, Found, Loaded, PluginFailed, Plugins, ask
from .importing import Unimportable, import_named

PROJECT = "aasim"


def assemble(
    on: Sequence[Loaded], specs: ModuleType, found: Iterable[Found] = ()
) -> tuple[pluggy.PluginManager, dict[str, Fault]]:
    """Return a new manager with the plugins in `on` registered in that order, and a fault for each plugin that could not be.

    `specs` is the module with the core's hooks. `found` are all plugins, of which messages name those that offer a hook and are not on.
    """
    manager = pluggy.PluginManager(PROJECT)
    manager.add_hookspecs(specs)
    owners = dict.fromkeys(_hooks_of(manager, specs), "the core")
    reasons: dict[str, str | None] = {plugin.name: _offer(manager, plugin, owners) for plugin in on}
    for plugin in on:
        reasons[plugin.name] = reasons[plugin.name] or _register(manager, plugin) or _undecorated(plugin, owners)
    for plugin_name, reason in _misspelt(manager, found):
        reasons[plugin_name] = reasons[plugin_name] or reason
    return manager, {name: Fault("broken", reason) for name, reason in reasons.items() if reason}


def config_schemas(manager: pluggy.PluginManager, on: Sequence[Loaded]) -> tuple[Mapping[str, type[Any]], dict[str, Fault]]:
    """Return the settings sections of the plugins, and a fault for each unreadable one."""
    schemas: dict[str, type[Any]] = {}
    faults = {}
    for plugin in on:
        try:
            for answer in ask(manager, on, plugin, "config_schema"):
                schemas[plugin.name] = _section(plugin, answer)
        except PluginFailed as error:
            faults[plugin.name] = Fault("broken", error.reason)
    return schemas, faults


def offered_hooks(plugins: Plugins) -> dict[str, type[Any]]:
    """Return the plugins' hooks that are called at start, with the dataclass of which they return a list: ``(app) -> Sequence[Grader]``."""
    callers = vars(plugins.manager.hook).values()
    specs = [caller.spec for caller in callers if isinstance(caller, pluggy.HookCaller) and caller.spec]
    offered = {spec.name: _class_of(spec.function) for spec in specs if spec.namespace is not plugins.specs}
    return {hook: kind for hook, kind in offered.items() if kind is not None}


def hooks_offered_by(plugins: Plugins, name: str) -> dict[str, Callable[..., Any]]:
    """The hooks that the plugin of that name offers to others, with their specifications; none of one that is not on."""
    module = next((f"{plugin.module.__name__}.hookspecs" for plugin in plugins.on if plugin.name == name), None)
    callers = vars(plugins.manager.hook).values()
    specs = [caller.spec for caller in callers if isinstance(caller, pluggy.HookCaller) and caller.spec]
    return {spec.name: spec.function for spec in specs if getattr(spec.namespace, "__name__", None) == module}


def _class_of(function: Callable[..., Any]) -> type[Any] | None:
    with suppress(NameError, TypeError, AttributeError):
        hints = get_type_hints(function, localns={"App": Any})
        (kind,) = get_args(hints.pop("return", None)) or (None,)
        return kind if isinstance(kind, type) and is_dataclass(kind) and list(hints) == ["app"] else None
    return None


def _section(plugin: Loaded, answer: Any) -> type[Any]:
    from ...settings.sections import CORE_SECTIONS

    if not isinstance(answer, type) or not is_dataclass(answer):
        place = place_of(getattr(plugin.module, "config_schema", None))
        raise PluginFailed(
            plugin.name, "config_schema", f"gives {answer!r} in config_schema, which must return a dataclass{place}"
        )
    if plugin.name in CORE_SECTIONS:
        reason = f"has settings, and the section [{plugin.name}] is the core's; do without, or name the plugin otherwise"
        raise PluginFailed(plugin.name, "config_schema", reason)
    flaw = None if plugin.bundled else _wrong_setting(answer)
    if flaw:
        raise PluginFailed(plugin.name, "config_schema", f"has a section of settings whose {flaw}{place_of(answer)}")
    return answer


def _wrong_setting(section: type[Any]) -> str | None:
    """What is wrong with a field of the section: it is made in another way, or its default has another type."""
    from ...settings.fields import default_of

    for field in fields(section):
        if "help" not in field.metadata:
            return f'field {field.name} is not made with setting; write setting(…, "What it is for.")'
    defaults = {field.name: default_of(field) for field in fields(section) if "Path" not in str(field.type)}  # texts become paths
    return flaw_of_values(section, defaults)


def _hooks_of(manager: pluggy.PluginManager, module: ModuleType) -> list[str]:
    return [name for name in dir(module) if manager.parse_hookspec_opts(module, name) is not None]


def _offer(manager: pluggy.PluginManager, plugin: Loaded, owners: dict[str, str]) -> str | None:
    """Add the hooks of the plugin's own ``hookspecs.py``; returns what is wrong with them."""
    name = f"{plugin.module.__name__}.hookspecs"
    if not hasattr(plugin.module, "__path__") or importlib.util.find_spec(name) is None:
        return None
    try:
        offered = import_named(name, plugin.module.__file__)
    except Unimportable as error:
        return str(error)
    hooks = _hooks_of(manager, offered)
    if not hooks:
        return "has a hookspecs.py without any function that is marked @hookspec"
    taken = [hook for hook in hooks if hook in owners]
    if taken:
        return f"offers the hook {taken[0]}, which {owners[taken[0]]} has already; give it another name"
    manager.add_hookspecs(offered)
    owners.update(dict.fromkeys(hooks, f"the plugin {plugin.name}"))
    return None


def _register(manager: pluggy.PluginManager, plugin: Loaded) -> str | None:
    try:
        manager.register(plugin.module, plugin.name)
    except pluggy.PluginValidationError as error:
        return _wrong_parameters(manager, plugin) or f"implements a hook wrongly: {'; '.join(str(error).splitlines()[1:])}"
    except ValueError:
        return f"has the same package as another plugin: {plugin.module.__name__}"
    return None


def _wrong_parameters(manager: pluggy.PluginManager, plugin: Loaded) -> str | None:
    """Say of the first hook with a parameter that its specification does not have how to write it."""
    for name, function in vars(plugin.module).items():
        spec = getattr(getattr(manager.hook, name, None), "spec", None)
        if spec is not None and hasattr(function, f"{PROJECT}_impl"):
            strange = [parameter for parameter in inspect.signature(function).parameters if parameter not in spec.argnames]
            if strange:
                written = f"def {name}({', '.join(spec.argnames)})"
                told = f"implements the hook {name} with the parameter {strange[0]}, which it does not have"
                return f"{told}; write {written}, or as many of these{place_of(function)}"
    return None


def _undecorated(plugin: Loaded, hooks: Iterable[str]) -> str | None:
    """A function with a hook's name but without ``@hookimpl`` would silently never be called."""
    for name in sorted(hooks):
        function = vars(plugin.module).get(name)
        own = inspect.isfunction(function) and function.__module__ == plugin.module.__name__
        if own and not hasattr(function, f"{PROJECT}_impl"):
            return f"has a function {name}, which is the name of a hook, without @hookimpl; decorate or rename it{place_of(function)}"
    return None


def _misspelt(manager: pluggy.PluginManager, found: Iterable[Found]) -> Iterator[tuple[str, str]]:
    """Return all that pluggy's ``check_pending`` finds: implementations of hooks that nobody offers."""
    callers = [caller for caller in vars(manager.hook).values() if isinstance(caller, pluggy.HookCaller)]
    known = [caller.name for caller in callers if caller.has_spec()]
    for caller in callers:
        for implementation in caller.get_hookimpls():
            if not caller.has_spec() and not implementation.optionalhook:
                told = f"implements the hook {caller.name}, which no plugin that is on offers"
                advice = _advice_on(caller.name, known, found)
                yield implementation.plugin_name, f"{told}{advice}{place_of(implementation.function)}"


def _advice_on(hook: str, known: Iterable[str], found: Iterable[Found]) -> str:
    """What to write instead of a hook that nobody offers: the plugin that would, where one was found, or the nearest name."""
    optional = "mark it @hookimpl(optionalhook=True)"
    for plugin in found:
        file = plugin.folder / "hookspecs.py" if plugin.folder else None
        if (
            file
            and file.is_file()
            and re.search(rf"^@hookspec\b[^\n]*\ndef {hook}\(", file.read_text(encoding="utf-8"), re.MULTILINE)
        ):
            return f'; {plugin.name} does: write requires=("{plugin.name}",) in the manifest, or name it in `uses` and {optional}'
    return f" (one of a plugin in `uses` is marked @hookimpl(optionalhook=True)){did_you_mean(hook, known)}"
