"""Read a plugin's manifest from its source, so that a disabled plugin never runs."""

import ast
import sys
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.util import decode_source
from pathlib import Path

from ..failures import describe
from ..manifest import FIELDS, Plugin

_EXAMPLE = 'plugin = Plugin("Title", "Summary.")'


class Unreadable(Exception):
    """The manifest cannot be read; the text is the reason, as a phrase whose subject is the plugin."""


@dataclass(frozen=True)
class Source:
    """The statically readable parts of a plugin's ``__init__.py``: the manifest, and the hooks that it implements."""

    manifest: Plugin
    hooks: frozenset[str]


def locate(module: str) -> ModuleSpec | None:
    """Return the spec of `module`, without importing its parents as `importlib.util.find_spec` would."""
    path: Sequence[str] | None = None
    spec = None
    parts = module.split(".")
    for depth in range(1, len(parts) + 1):
        spec = _find(".".join(parts[:depth]), path)
        if spec is None:
            return None
        path = spec.submodule_search_locations
    return spec


def _find(module: str, path: Sequence[str] | None) -> ModuleSpec | None:
    for finder in sys.meta_path:
        spec = finder.find_spec(module, path) if hasattr(finder, "find_spec") else None
        if spec is not None:
            return spec
    return None


def file_spec(module: str, file: Path) -> ModuleSpec:
    """Return the spec of the module in `file`."""
    spec = ModuleSpec(module, SourceFileLoader(module, str(file)), origin=str(file))
    spec.has_location = True
    return spec


def read(spec: ModuleSpec) -> Source:
    """Return the manifest and the hooks of the plugin's module; raises `Unreadable`."""
    # The file and not the loader, which pytest and others replace by one that provides no source.
    file = Path(spec.origin or "")
    if spec.origin is None or not spec.has_location:
        raise Unreadable("is no ordinary module; a plugin is a package with an __init__.py")
    if file.suffix != ".py":
        raise Unreadable("comes without its source, in which the manifest is read")
    try:
        return _source_of(decode_source(file.read_bytes()), file)
    except (SyntaxError, ValueError, OSError, RecursionError) as error:
        raise Unreadable(f"does not import: {describe(error, spec.origin)}") from error


@lru_cache(maxsize=256)
def _source_of(text: str, file: Path) -> Source:
    """What the text says; tests look for plugins hundreds of times in a process, and find the same texts."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its warnings belong to the import, which may never happen
        tree = ast.parse(text, str(file))
    call = next((found for node in tree.body if (found := _manifest_call(node))), None)
    if call is None:
        raise Unreadable(f"has no manifest; write {_EXAMPLE} in {_name(file)}")
    return Source(_manifest(call, file), frozenset(name for node in tree.body if (name := _hook_of(node))))


def _manifest_call(node: ast.stmt) -> ast.Call | None:
    targets: Sequence[ast.expr] = ()
    if isinstance(node, ast.Assign):
        targets = node.targets
    elif isinstance(node, ast.AnnAssign):
        targets = (node.target,)
    else:
        return None
    named = any(isinstance(target, ast.Name) and target.id == "plugin" for target in targets)
    return node.value if named and isinstance(node.value, ast.Call) else None


def _manifest(call: ast.Call, file: Path) -> Plugin:
    where = f"{_name(file)}:{call.lineno}"
    try:
        arguments = [ast.literal_eval(value) for value in call.args]
        keywords = {str(keyword.arg): ast.literal_eval(keyword.value) for keyword in call.keywords}
    except ValueError:
        raise Unreadable(f"has a manifest that only running it could tell; use literals, as in {_EXAMPLE} ({where})") from None
    unknown = sorted(keywords.keys() - set(FIELDS))
    if unknown:
        raise Unreadable(f"has a manifest with {', '.join(unknown)}; a manifest has {', '.join(FIELDS)} ({where})")
    try:
        return Plugin(*arguments, **keywords)
    except (TypeError, ValueError) as error:
        complaint = str(error).replace("Plugin.__init__()", "Plugin()")
        raise Unreadable(f"has a manifest that is not valid: {complaint} ({where})") from None


def _hook_of(node: ast.stmt) -> str | None:
    """Return the name of the function that `node` defines, if it is decorated with ``@hookimpl`` or ``@hookimpl(…)``."""
    if not isinstance(node, ast.FunctionDef):
        return None
    marks = (decorator.func if isinstance(decorator, ast.Call) else decorator for decorator in node.decorator_list)
    return node.name if any(ast.unparse(mark).split(".")[-1] == "hookimpl" for mark in marks) else None


def _name(file: Path) -> str:
    return f"{file.parent.name}/{file.name}"
