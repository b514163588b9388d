"""Valid names of a new plugin, and the names of its parts."""

import builtins
import keyword
import re
from collections.abc import Collection, Mapping

from ..errors import InvalidArgument
from ..plugins.manifest import CORE, RESERVED
from ..settings.sections import CORE_SECTIONS
from ..version import VERSION

#: What the core answers at, has settings for, or keeps in a plugin folder.
TAKEN = RESERVED | {CORE, "docs", "health", "organizations", "plugin_parts", "tests"} | set(CORE_SECTIONS)
#: What these name is in each path and record already.
_TAKEN_SINGULARS = frozenset(("organization", "version"))
#: So that no line of what is written gets too long, and no name of an index, which PostgreSQL cuts at 63 bytes.
_LONGEST, _LONGEST_TOGETHER = 20, 28
_NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")


def singular_of(name: str) -> str:
    """The singular of a plural noun, where the usual rules lead to it; else an empty text."""
    if name.endswith("ies"):
        return name[:-3] + "y"
    return name[:-2] if name.endswith(("ches", "shes", "sses", "xes")) else name[:-1] if name.endswith("s") else ""


def refuse_bad_names(name: str, resource: str, singular: str, others: Collection[str]) -> None:
    """InvalidArgument, with what to write instead, where there can be no plugin `name` next to the `others` that keeps the `resource`, of
    which one is a `singular`."""
    refusal = f"A plugin cannot be named {name!r}: "
    if not _NAME.fullmatch(name):
        raise InvalidArgument(f"{refusal}use lower-case words joined by single underscores, such as job_flows.")
    if name in TAKEN:
        raise InvalidArgument(f"{refusal}the core has a command, a route or settings of that name. Choose another one.")
    if keyword.iskeyword(name):
        raise InvalidArgument(f"{refusal}that is a word of Python, and nothing could import it. Choose another one.")
    if name in others:
        raise InvalidArgument(f"{refusal}there is one already; aasim plugins shows it. Choose another one.")
    _refuse_bad_resource(name, resource, singular)


def _refuse_bad_resource(name: str, resource: str, singular: str) -> None:
    if not _NAME.fullmatch(resource):
        raise InvalidArgument(
            f"A resource cannot be named {resource!r}: use lower-case words joined by single underscores, such as items."
        )
    if not _NAME.fullmatch(singular) or singular == resource:
        asked = name if resource == name else f"{name} --resource {resource}"
        other = f", or name what {name} keeps: aasim plugins new {name} --resource WORDS" if resource == name else ""
        raise InvalidArgument(f"What is one of the {resource}? Say it: aasim plugins new {asked} --singular WORD{other}")
    if singular in _TAKEN_SINGULARS:
        raise InvalidArgument(
            f"One of the {resource} cannot be called {singular!r}, which every record has. Choose another word."
        )
    for word in (name, resource, singular):
        if len(word) > _LONGEST:
            raise InvalidArgument(f"{word!r} has more than {_LONGEST} letters; choose a shorter name.")
    if resource != name and len(name) + len(singular) > _LONGEST_TOGETHER:
        raise InvalidArgument(
            f"{name!r} and {singular!r} together have more than {_LONGEST_TOGETHER} letters; choose shorter names."
        )


def words_for(name: str, resource: str, singular: str, taken: Collection[str]) -> Mapping[str, str]:
    """What each placeholder of the templates stands for; `taken` are the names that their code uses."""
    plain, table = singular.replace("_", " "), f"{name}_{singular}"
    root, plural = name.replace("_", "-"), resource.replace("_", " ")
    is_named_alike = resource == name
    return {
        "plugin": name,
        "title": name.replace("_", " ").capitalize(),
        "heading": plural.capitalize(),
        "plural": plural,
        "singular": plain,
        "a_singular": f"{'An' if plain[0] in 'aeiou' else 'A'} {plain}",
        "root": root,
        "path": root if is_named_alike else f"{root}/{resource.replace('_', '-')}",
        "event": f"{name}." if is_named_alike else f"{name}.{singular}_",
        "naming": "" if is_named_alike else f'    event_prefix = "{singular}_"\n    noun = "{plural}"\n',
        "table": table,
        "prefix": _prefix_of(table),
        "field": f"{singular}_id",
        "Record": _class_of(singular, "Record", taken),
        "Resource": _class_of(resource, "Resource", taken),
        "version": VERSION,
    }


def _prefix_of(table: str) -> str:
    """What ids begin with: the table's name in the letters that an id has, so that no other plugin has the same."""
    return re.sub("_+", "_", re.sub("[^a-z_]", "", table)).strip("_")


def _class_of(words: str, kind: str, taken: Collection[str]) -> str:
    """The name of a class; one that would hide a name that the code uses gets its `kind` at the end."""
    name = "".join(word.capitalize() for word in words.split("_"))
    return name + kind if name in {*taken, *dir(builtins), *keyword.kwlist} else name
