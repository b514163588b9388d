"""Writing a plugin to begin with, from templates: as a distribution, or for the folder of plugins."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from string import Template

from ..errors import InvalidArgument, StartupError
from .names import refuse_bad_names, singular_of, words_for
from .parts import PARTS, Part

#: What its texts begin with until their author writes them.
PLACEHOLDER = "Say in one sentence"
TEMPLATES = Path(__file__).parent / "templates"
_LONGEST_LINE = 130


@dataclass(frozen=True)
class Layout:
    """Where a plugin is written: `tree` has the templates of its packaging, which several plugins in one `root` may share."""

    tree: str
    root: Path
    plugin: Path
    tests: Path
    is_shared: bool


def as_distribution(folder: Path, name: str) -> Layout:
    """A distribution of its own, in `folder`."""
    return Layout("distribution", folder, folder / f"aasim_{name}", folder / "tests", is_shared=False)


def in_folder(folder: Path, name: str) -> Layout:
    """A plugin in the folder that ``plugins.folder`` names."""
    return Layout("folder", folder, folder / name, folder / "tests" / name, is_shared=True)


def write_plugin(
    layout: Layout, name: str, singular: str | None, parts: Sequence[str], others: Iterable[str] = (), resource: str | None = None
) -> Sequence[Path]:
    """Write the plugin, its tests and its packaging; returns the paths of the new files.

    `resource` is the plural noun of what it keeps, the `name` where it is None, and `singular` is made of that where it is None. `others`
    are the plugins that are there. Raises InvalidArgument, and writes nothing, where a name cannot be one, or where there is something
    already.
    """
    resource = resource or name
    singular = singular_of(resource) if singular is None else singular
    refuse_bad_names(name, resource, singular, set(others))
    words = words_for(name, resource, singular, _names_in_use())
    texts = dict(_filled(layout, {**words, **_joined(words, [PARTS[part] for part in parts], parts)}, parts))
    if layout.is_shared:
        texts = {path: text for path, text in texts.items() if path.is_relative_to(layout.plugin) or not path.exists()}
    for path in (layout.plugin, layout.tests, *texts):
        if path.exists():
            raise InvalidArgument(f"{path} is there already; choose another name or folder, or remove it.")
    for path, text in texts.items():
        _write(path, text)
    return sorted(texts)


def _write(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        message = f"{path} cannot be written ({error.strerror}); fix that, or name another folder"
        raise StartupError(message, exit_code=74) from error


def _filled(layout: Layout, words: Mapping[str, str], parts: Sequence[str]) -> Iterator[tuple[Path, str]]:
    """Every file with its text. A folder that begins with a dot has ``dot_`` among the templates, for a wheel leaves it out otherwise."""
    for tree in ("base", layout.tree, *(f"parts/{part}" for part in parts)):
        for place, target in (("plugin", layout.plugin), ("tests", layout.tests), ("root", layout.root)):
            folder = TEMPLATES / tree / place
            for template in sorted(folder.rglob("*.template")):
                inside = str(template.relative_to(folder).with_suffix("")).replace("dot_", ".")
                yield target / inside, _fill(template.read_text(encoding="utf-8"), words)


def _fill(text: str, words: Mapping[str, str]) -> str:
    return Template(text).substitute(words)


def _joined(words: Mapping[str, str], parts: Sequence[Part], names: Sequence[str]) -> Mapping[str, str]:
    """What several parts add to one place of a file."""
    hooks = [_fill((TEMPLATES / "parts" / name / "hook.template").read_text(encoding="utf-8"), words) for name in names]
    emitted = {f"{words['plugin']}.{word}": _fill(rest, words) for part in parts for word, rest in part.events.items()}
    usual = [f"{words['event']}{word}" for word in ("created", "updated", "deleted")]
    return {
        "imports": _imports(words, parts),
        "manifest": _manifest(words, parts),
        "paths": _paths(words),
        "events": "".join(f'        Event("{name}", {rest}),\n' for name, rest in emitted.items()),
        "hooks": "".join(f"\n\n{hook}" for hook in hooks),
        "event_names": ", ".join(f"`{name}`" for name in (*usual, *emitted)),
        "parts": "".join(f"- {_fill(part.readme, words)}\n" for part in parts),
    }


def _imports(words: Mapping[str, str], parts: Sequence[Part]) -> str:
    """The imports of the package in three blocks, as linters sort them: of Python, of the platform, and of the plugin itself."""
    core = {"App", "Event", "Permission", "Plugin", "Record", "Resource", "hookimpl"}.union(*(part.core for part in parts))
    lines = {
        "from collections.abc import Sequence",
        f"from aasim_core import {', '.join(sorted(core))}",
        "from . import api",
        f"from .models import {words['Record']}",
    }.union(*(part.imports for part in parts))
    blocks: list[list[str]] = [[], [], []]
    for line in sorted(lines, key=str.split):
        blocks[1 if line.startswith("from aasim") else 2 if line.startswith("from .") else 0].append(line)
    return "\n\n".join("\n".join(block) for block in blocks)


def _manifest(words: Mapping[str, str], parts: Sequence[Part]) -> str:
    """The manifest, broken into lines as formatters break them."""
    named = {
        field: sorted({f'"{getattr(part, field)}"' for part in parts if getattr(part, field)}) for field in ("requires", "uses")
    }
    tuples = [f"{field}=({', '.join(names)}{',' * (len(names) == 1)})" for field, names in named.items() if names]
    arguments = [f'"{words["title"]}"', f'"{PLACEHOLDER} what the plugin is for."', *tuples]
    line = ", ".join(arguments)
    if len(f"plugin = Plugin({line})") <= _LONGEST_LINE:
        return f"plugin = Plugin({line})"
    inside = [line] if len(f"    {line}") <= _LONGEST_LINE else [f"{argument}," for argument in arguments]
    return "plugin = Plugin(\n" + "".join(f"    {each}\n" for each in inside) + ")"


def _paths(words: Mapping[str, str]) -> str:
    """The paths of the resource, broken into lines as formatters break them."""
    entries = [f'"": "/{words["path"]}"', f'"one": "/{words["path"]}/{{{words["field"]}}}"']
    head = "paths: ClassVar[Mapping[str, str]] = {"
    line = f"{head}{', '.join(entries)}}}"
    return (
        line if len(f"    {line}") <= _LONGEST_LINE else f"{head}\n" + "".join(f"        {each},\n" for each in entries) + "    }"
    )


def _names_in_use() -> frozenset[str]:
    """The names of classes and constants that the templates use."""
    texts = [template.read_text(encoding="utf-8") for template in TEMPLATES.rglob("*.template")]
    return frozenset(name for text in texts for name in re.findall(r"\b[A-Z]\w*+", text))
