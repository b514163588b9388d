"""Rules about a plugin's README, license, and links."""

from collections.abc import Callable, Iterable, Iterator, Sequence

from ...authoring.scaffold import PLACEHOLDER
from ..parts import parts_of
from .rule import Flaw, Rule
from .subject import Subject

_LEAST_WORDS = 5


def _naming(what: str, names: Callable[[Subject], Iterable[str]]) -> Callable[[Subject], Iterator[Flaw]]:
    """A check that the README names each of these."""

    def check(subject: Subject) -> Iterator[Flaw]:
        for name in dict.fromkeys(names(subject)):
            if name not in subject.package.readme:
                yield Flaw(f"name the {what} {name} in the README, with what it is for", subject.readme)

    return check


def _readme(subject: Subject) -> Iterator[Flaw]:
    if not subject.package.readme.startswith("# "):
        yield Flaw("write a README.md that begins with a heading, and list it in package_data", subject.readme)


def _short_readme(subject: Subject) -> Iterator[Flaw]:
    prose = [line for line in subject.package.readme.splitlines() if not line.startswith(("#", "-", "|", " "))]
    if len(" ".join(prose).split()) < _LEAST_WORDS or PLACEHOLDER in subject.package.readme:
        yield Flaw("say below the README's heading, in sentences, what the plugin is for", subject.readme)


def _distribution(subject: Subject) -> Iterator[Flaw]:
    if subject.distribution is not None and not subject.distribution:
        advice = "make it a distribution, as aasim plugins new NAME --dist DIR writes one; a plugin in a folder is gold at best"
        yield Flaw(advice, subject.name)


def _license(subject: Subject) -> Iterator[Flaw]:
    if not _says(subject, "License-Expression", "License", "License-File"):
        yield _in_pyproject('license = "…", an SPDX expression')


def _author(subject: Subject) -> Iterator[Flaw]:
    if not _says(subject, "Author", "Author-email", "Maintainer", "Maintainer-email"):
        yield _in_pyproject('authors = [{name = "…", email = "…"}]')


def _links(subject: Subject) -> Iterator[Flaw]:
    if not _says(subject, "Project-URL", "Home-page"):
        yield _in_pyproject("the address of the source and of the issues, in [project.urls]")


def _changelog(subject: Subject) -> Iterator[Flaw]:
    urls = (subject.distribution or {}).get("Project-URL", ())
    if urls and not any("change" in url.lower() for url in urls):
        yield _in_pyproject('Changelog = "…" in [project.urls]')


def _distribution_summary(subject: Subject) -> Iterator[Flaw]:
    if not _says(subject, "Summary"):
        yield _in_pyproject('description = "…", one line')


def _versions(subject: Subject) -> Iterator[Flaw]:
    needed = [need for need in (subject.distribution or {}).get("Requires-Dist", ()) if need.startswith("aasim")]
    if subject.distribution and not any(mark in need for need in needed for mark in "<>=~"):
        yield _in_pyproject('dependencies = ["aasim>=…"]: the version that it was tried with')


def _typed(subject: Subject) -> Iterator[Flaw]:
    folder = subject.package.folder
    if not any((each / "py.typed").is_file() for each in (folder, folder.parent)):
        yield Flaw("put an empty file py.typed into the package, and list it in package_data", subject.name)


def _says(subject: Subject, *names: str) -> bool:
    """Whether the distribution has one of the fields; of what is bundled, Aasim's own has them, and what has none misses that alone."""
    told = subject.distribution
    return not told or any(value.strip() for name in names for value in told.get(name, ()))


def _in_pyproject(what: str) -> Flaw:
    return Flaw(f"write {what}, and install it again (pip install -e .): the installed metadata is read", "pyproject.toml")


PUBLISHED_RULES: Sequence[Rule[Subject]] = (
    Rule(
        "readme",
        "bronze",
        "There is a README.md that begins with a heading.",
        "Nobody can find out what it does without trying.",
        _readme,
    ),
    Rule(
        "readme-settings",
        "silver",
        "The README names each setting.",
        "An operator does not know what can be set.",
        _naming("setting", lambda subject: subject.plugin.provides.settings),
    ),
    Rule(
        "readme-permissions",
        "silver",
        "The README names each permission.",
        "An owner does not know what roles can allow.",
        _naming("permission", lambda subject: subject.plugin.provides.permissions),
    ),
    Rule(
        "readme-routes",
        "silver",
        "The README names each route.",
        "A client does not know what there is to ask.",
        _naming("route", lambda subject: subject.plugin.provides.routes),
    ),
    Rule(
        "readme-events",
        "silver",
        "The README names each event.",
        "Who writes a webhook does not know what happens.",
        _naming("event", lambda subject: subject.plugin.provides.events),
    ),
    Rule(
        "readme-jobs",
        "silver",
        "The README names each job.",
        "An operator sees jobs in the list and does not know what they do.",
        _naming("job", lambda subject: subject.plugin.provides.jobs),
    ),
    Rule(
        "readme-error-codes",
        "silver",
        "The README names each error code.",
        "A client does not know what it can be refused with.",
        _naming("error code", lambda subject: subject.plugin.provides.error_codes),
    ),
    Rule(
        "readme-commands",
        "silver",
        "The README names each command.",
        "An operator does not know the commands.",
        _naming("command", lambda subject: [str(command.name) for command in subject.declared.commands]),
    ),
    Rule(
        "readme-hooks",
        "gold",
        "The README names each hook that the plugin offers.",
        "An author does not know that the plugin can be extended.",
        _naming("hook", lambda subject: subject.offered),
    ),
    Rule(
        "readme-parts",
        "platinum",
        "The README names each part.",
        "Nobody learns that the plugin brings it.",
        _naming("part", lambda subject: [part.name for part in parts_of(subject.declared)]),
    ),
    Rule(
        "readme-explains",
        "gold",
        "The README says in sentences what the plugin is for.",
        "Nobody can find out what it does without trying.",
        _short_readme,
    ),
    Rule(
        "typed-package",
        "platinum",
        "The package has a file `py.typed`.",
        "A type checker sees nothing of what it offers.",
        _typed,
    ),
    Rule(
        "distribution",
        "platinum",
        "The plugin is installed as a distribution.",
        "Nobody can read its license, its author and its changes.",
        _distribution,
    ),
    Rule("license", "platinum", "The distribution names its license.", "A company may not use it.", _license),
    Rule(
        "author",
        "platinum",
        "The distribution names an author or maintainer.",
        "Nobody knows whom to tell of a mistake.",
        _author,
    ),
    Rule(
        "links",
        "platinum",
        "The distribution links to its source or home page.",
        "Nobody finds the source, or where to tell of a mistake.",
        _links,
    ),
    Rule(
        "changelog",
        "platinum",
        "One of the links leads to a changelog.",
        "Who upgrades does not know what has changed.",
        _changelog,
    ),
    Rule(
        "described-distribution",
        "platinum",
        "The distribution has a summary.",
        "In an index of packages it is a name among others.",
        _distribution_summary,
    ),
    Rule(
        "platform-versions",
        "platinum",
        "The distribution says with which versions of `aasim` it works.",
        "It is installed with a platform that it does not work with.",
        _versions,
    ),
)
