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
_LONGEST = 20
_NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")


def singular_of(name: str) -> str:
    """The singular of a plural noun, where the usual rules lead to it; else an empty text."""
    if name.endswith("ies"):
        return name[:-3] + "y"
    return name[:-2] if name.endswith(("ches", "shes", "sses", "xes")) else name[:-1] if name.endswith("s") else ""


def refuse_bad_names(name: str, singular: str, others: Collection[str]) -> None:
    """InvalidArgument, with what to write instead, where there can be no plugin `name` of one `singular` next to the `others`."""
    refusal = f"A plugin cannot be named {name!r}: "
    if not _NAME.fullmatch(name):
        raise InvalidArgument(f"{refusal}use lower-case words joined by single underscores, such as job_flows.")
    if name in TAKEN:
        raise InvalidArgument(f"{refusal}the core has a command, a route or settings of that name. Choose another one.")
    if keyword.iskeyword(name):
        raise InvalidArgument(f"{refusal}that is a word of Python, and nothing could import it. Choose another one.")
    if name in others:
        raise InvalidArgument(f"{refusal}there is one already; aasim plugins shows it. Choose another one.")
    if not _NAME.fullmatch(singular) or singular == name:
        raise InvalidArgument(f"What is one of the {name}? Say it: aasim plugins new {name} --singular WORD")
    if singular in _TAKEN_SINGULARS:
        raise InvalidArgument(f"One of the {name} cannot be called {singular!r}, which every record has. Choose another word.")
    for word in (name, singular):
        if len(word) > _LONGEST:
            raise InvalidArgument(f"{word!r} has more than {_LONGEST} letters; choose a shorter name.")


def words_for(name: str, singular: str, taken: Collection[str]) -> Mapping[str, str]:
    """What each placeholder of the templates stands for; `taken` are the names that their code uses."""
    plain, table = singular.replace("_", " "), f"{name}_{singular}"
    return {
        "plugin": name,
        "title": name.replace("_", " ").capitalize(),
        "plural": name.replace("_", " "),
        "singular": plain,
        "a_singular": f"{'An' if plain[0] in 'aeiou' else 'A'} {plain}",
        "root": name.replace("_", "-"),
        "table": table,
        "prefix": _prefix_of(table),
        "field": f"{singular}_id",
        "Record": _class_of(singular, "Record", taken),
        "Resource": _class_of(name, "Resource", taken),
        "version": VERSION,
    }


def _prefix_of(table: str) -> str:
    """What ids begin with: the table's name in the letters that an id has, so that no other plugin has the same."""
    return re.sub("_+", "_", re.sub("[^a-z_]", "", table)).strip("_")


def _class_of(words: str, kind: str, taken: Collection[str]) -> str:
    """The name of a class; one that would hide a name that the code uses gets its `kind` at the end."""
    name = "".join(word.capitalize() for word in words.split("_"))
    return name + kind if name in {*taken, *dir(builtins), *keyword.kwlist} else name
