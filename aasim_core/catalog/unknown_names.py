"""Names that a plugin writes and nobody declares: error codes and events that fail when their line runs, and unheard listeners."""

from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from ..error_codes import CORE_CODES
from ..events.declarations import Declared
from ..plugins.failures import did_you_mean
from ..text.suggestions import near
from .grades.package import Package, SourceFile, package_of

if TYPE_CHECKING:
    import ast

    from ..app import App
    from ..plugins.registry import Found

_ADVICE = "write one of docs/reference/error-codes.md, or raise the object ErrorCode(…) that the hook error_codes returns"
_MOST_NEAR = 3
#: Families of events that are not named after their plugin.
_FAMILIES: Mapping[str, str] = {"custom": "workflows"}


def unknown_names(app: "App", name: str) -> Iterator[str]:
    """Return a phrase for each unknown name that the plugin of that name writes, with its place; the plugin must be on."""
    loaded = next(plugin for plugin in app.plugins.on if plugin.name == name)
    package = package_of(loaded)
    yield from _unknown_codes(package, app.declared[name].error_codes)
    yield from _unknown_events(package, app)
    yield from _unheard(app, name)


def _unknown_codes(package: Package, own: Collection[str]) -> Iterator[str]:
    for file, call, code in _literals(package, {"Problem": "code", "Refused": "code"}):
        if code in own:
            yield f"raises its error code {code} as a text; write the object ErrorCode(…) itself ({file.at(call)})"
        elif code not in CORE_CODES:
            told = f"raises the error code {code}, which is none of the core's; {_ADVICE}"
            nearest = ", ".join(near(code, CORE_CODES, _MOST_NEAR))
            yield f"{told}{f'; the nearest are {nearest}' if nearest else ''} ({file.at(call)})"


def _unknown_events(package: Package, app: "App") -> Iterator[str]:
    events, asleep = Declared(app.events), {plugin.name for plugin in app.plugins.found if plugin.state != "on"}
    for file, call, event in _literals(package, {"emit": "name"}):
        if ("*" in event or event not in events) and event.partition(".")[0] not in asleep:
            told = f"emits the event {event}, which nobody declares; return it from the hook events"
            yield f"{told}{did_you_mean(event, events)} ({file.at(call)})"


def _unheard(app: "App", name: str) -> Iterator[str]:
    """Find listeners to a plugin that was not found, and that the manifest does not name."""
    found: dict[str, Found] = {plugin.name: plugin for plugin in app.plugins.found}
    homes = {*found, *found[name].requires, *found[name].uses, *_FAMILIES, *(event.partition(".")[0] for event in app.events)}
    for listener in app.declared[name].listeners:
        home, _, event = listener.pattern.partition(".")
        if "*" not in home and home not in homes:
            options = app.events if event != "*" else [f"{each}.*" for each in found]
            advice = did_you_mean(listener.pattern, options) or f'; name an optional plugin in the manifest: uses=("{home}",)'
            told = f"listens to {listener.pattern}, and no plugin {home} was found{advice}"
            yield f"{told}{app.declared[name].at('listeners')}"


def _literals(package: Package, functions: Mapping[str, str]) -> Iterator[tuple[SourceFile, "ast.Call", str]]:
    """Find calls of these functions of the core whose first argument, or that of this name, is written as a text."""
    for file in package.code:
        with suppress(SyntaxError, ValueError):  # a file that is never imported
            for call, called in file.calls:
                word = called.rpartition(".")[2]
                if word in functions and _is_of_core(file, called.partition(".")[0]):
                    text = _text_of(call, functions[word])
                    if text is not None:
                        yield file, call, text


def _is_of_core(file: SourceFile, name: str) -> bool:
    """Whether the file imports the name from the core, under no other name."""
    return any(
        alias.name == name and alias.asname is None
        for node in file.named_imports
        if not node.level and (node.module or "").partition(".")[0] == "aasim_core"
        for alias in node.names
    )


def _text_of(call: "ast.Call", keyword: str) -> str | None:
    given: Any = next((each.value for each in call.keywords if each.arg == keyword), call.args[0] if call.args else None)
    value = getattr(given, "value", None)
    return value if isinstance(value, str) else None
