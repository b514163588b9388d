"""The pages of the Python names that a plugin may import: signatures and docstrings, a page for each package of the core."""

import ast
import copy
import inspect
import re
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from itertools import groupby

import aasim_core
from aasim_core.app import App

from ...sources import CORE, CORE_SOURCES, PUBLIC, Source

_Definition = ast.ClassDef | ast.FunctionDef
#: What the contract suite consists of; its page is docs/extend/index.md, and its attributes are described in `hints`.
_INNER = re.compile(rf"{CORE}\.testing\.contract\.(?!hints|suite)")
_OF = {source.module: source for source in CORE_SOURCES}
_CODE = re.compile(r"``([^`]+)``")
_TOP = "# `{name}`\n\nThe names of it that a plugin may import, as the page on [modules](../../extend/modules.md) says.\n"


def pages() -> Mapping[str, Callable[[App], str]]:
    """What writes each page, by its name."""
    sources = sorted(filter(_is_public, CORE_SOURCES), key=lambda source: (_package(source), source.module))
    return {f"python/{package}": partial(_page, package, list(found)) for package, found in groupby(sources, key=_package)}


def place_of(source: Source) -> str:
    """The page and the anchor of a module, from docs/reference/."""
    return f"python/{_package(source)}.md#{_anchor(source.module)}"


def _is_public(source: Source) -> bool:
    inside = source.module.removeprefix(f"{CORE}.")
    is_listed = any(inside == name or (name.endswith(".") and f"{inside}.".startswith(name)) for name in PUBLIC)
    return not _INNER.match(source.module) and (is_listed or inside in aasim_core._HOME_OF.values())


def _package(source: Source) -> str:
    """The package below the core; what stands at the top is on the page of the core itself."""
    is_package = len(source.parts) > 2 or source.path.name == "__init__.py"
    return source.parts[1] if is_package else CORE


def _page(package: str, sources: list[Source], _app: App) -> str:
    name = CORE if package == CORE else f"{CORE}.{package}"
    exported = _exported() if package == CORE else ""
    return _TOP.format(name=name) + exported + "".join(map(_module, sources))


def _exported() -> str:
    """Where the names are described that the core itself has."""
    homes = {name: _OF[f"{CORE}.{home}"] for name, home in aasim_core._HOME_OF.items()}
    links = (f"[`{name}`]({_package(home)}.md#{_anchor(name)})" for name, home in homes.items())
    return f"\n`from aasim_core import …` gives {', '.join(links)}.\n"


def _anchor(heading: str) -> str:
    return heading.lower().replace(".", "")


def _module(source: Source) -> str:
    return f"\n## {source.module}\n\n{_prose(source.tree)}\n{''.join(map(_part, _definitions(source)))}"


def _definitions(source: Source) -> Iterator[_Definition]:
    """The public functions and classes of a module; of a package, also those that it takes from its modules."""
    for node in source.tree.body:
        if isinstance(node, _Definition) and not node.name.startswith("_") and ast.get_docstring(node):
            yield node
        elif isinstance(node, ast.ImportFrom) and node.level == 1 and source.path.name == "__init__.py":
            inner = _OF[f"{source.module}.{node.module}"]
            if not _is_public(inner):
                yield from (each for each in _definitions(inner) if each.name in {alias.name for alias in node.names})


def _part(node: _Definition) -> str:
    members = "".join(f"- `{_signature(each)}`: {_prose(each).replace(chr(10) * 2, ' ')}\n" for each in _methods(node))
    return f"\n### {node.name}\n\n```text\n{_signature(node)}\n```\n\n{_prose(node)}\n" + (f"\n{members}" if members else "")


def _methods(node: _Definition) -> list[ast.FunctionDef]:
    methods = [each for each in node.body if isinstance(each, ast.FunctionDef)] if isinstance(node, ast.ClassDef) else []
    return [each for each in methods if not each.name.startswith("_") and ast.get_docstring(each)]


def _prose(node: ast.Module | _Definition) -> str:
    paragraphs = inspect.cleandoc(ast.get_docstring(node) or "").split("\n\n")
    joined = (text if text.startswith((" ", "*", "-")) else text.replace("\n", " ") for text in paragraphs)
    return _CODE.sub(r"`\1`", "\n\n".join(joined))


def _signature(node: _Definition) -> str:
    return _of_function(node) if isinstance(node, ast.FunctionDef) else "\n".join(_of_class(node))


def _of_function(node: ast.FunctionDef) -> str:
    returns = _type(node.returns)
    if any(ast.unparse(each).endswith("property") for each in node.decorator_list):
        return f"{node.name}: {returns}"
    return f"{node.name}({_arguments(node.args)}) -> {returns}"


def _of_class(node: ast.ClassDef) -> Iterator[str]:
    bases = ", ".join(map(ast.unparse, node.bases))
    yield f"class {node.name}({bases})" if bases else f"class {node.name}"
    for each in node.body:
        if isinstance(each, ast.AnnAssign) and not ast.unparse(each.target).startswith("_"):
            default = f" = {ast.unparse(each.value)}" if each.value else ""
            yield f"    {ast.unparse(each.target)}: {_type(each.annotation)}{default}"
        elif isinstance(each, ast.FunctionDef) and each.name == "__init__":
            yield f"    {node.name}({_arguments(each.args)})"
        elif isinstance(each, ast.FunctionDef) and each.name == "__post_init__":
            yield from map("    {}".format, _made(each))


def _made(start: ast.FunctionDef) -> Iterator[str]:
    """The public attributes that a dataclass makes of its fields, with their classes."""
    for each in start.body:
        if isinstance(each, ast.Assign) and isinstance(each.value, ast.Call) and isinstance(each.value.func, ast.Name):
            name = ast.unparse(each.targets[0]).removeprefix("self.")
            if not name.startswith("_"):
                yield f"{name}: {each.value.func.id}"


def _arguments(arguments: ast.arguments) -> str:
    arguments = copy.deepcopy(arguments)
    for each in ast.walk(arguments):
        if isinstance(each, ast.arg) and each.annotation:
            each.annotation = ast.Name(_type(each.annotation))
    return re.sub(r"^(self|cls)(, )?", "", ast.unparse(arguments))


def _type(annotation: ast.expr | None) -> str:
    """A type as it is read, without the quotes of one that only the type checker imports."""
    if isinstance(annotation, ast.Constant) and isinstance(annotation.value, str):
        return annotation.value
    return "None" if annotation is None else ast.unparse(annotation)
