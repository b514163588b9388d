"""Grading: which rules a plugin misses, and the grade that this makes."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...app import Kept
from ...plugins.loading.hook_manager import hooks_offered_by, offered_hooks
from .craft_rules import CRAFT_RULES
from .declared_rules import DECLARED_RULES
from .operation_rules import OPERATION_RULES
from .package import Package, package_of
from .part_rules import PART_RULES
from .published_rules import PUBLISHED_RULES
from .rule import GRADES, Flaw, Grade, Miss, Rule
from .safety_rules import SAFETY_RULES
from .subject import Subject

if TYPE_CHECKING:
    from ...app import App
    from ...plugins.registry import Loaded

#: The rules about code, which are the same for each app, and those about what a plugin declares in one.
_OF_CODE: Sequence[Rule[Package]] = (*SAFETY_RULES, *CRAFT_RULES)
_OF_DECLARATIONS: Sequence[Rule[Subject]] = (*DECLARED_RULES, *OPERATION_RULES, *PART_RULES, *PUBLISHED_RULES)
#: Every rule, by grade.
RULES: Sequence[Rule[Any]] = sorted((*_OF_CODE, *_OF_DECLARATIONS), key=lambda rule: GRADES.index(rule.grade))
#: The number of places that are listed for a rule that is missed at many.
_MOST_FLAWS = 20


@dataclass(frozen=True)
class Report:
    """The grade of a plugin, None where it misses a rule of the lowest, and each rule that it misses, the lowest grade first."""

    grade: Grade | None
    misses: tuple[Miss, ...]


class Grades:
    """The grades of the plugins that are on; each is found out when it is first asked for."""

    def __init__(self, app: "App") -> None:
        self._app = app
        self._reports: dict[str, Report] = {}

    def of(self, name: str) -> Report | None:
        """The report on the plugin of that name; None of one that is not on, and cannot be looked at."""
        loaded = next((plugin for plugin in self._app.plugins.on if plugin.name == name), None)
        if loaded is not None and name not in self._reports:
            self._reports[name] = _report(self._app, loaded)
        return self._reports.get(name)

    def by_name(self) -> dict[str, Grade | None]:
        """The grade of each plugin that is on."""
        reports = {plugin.name: self.of(plugin.name) for plugin in self._app.plugins.on}
        return {name: report.grade for name, report in reports.items() if report}


#: The grades of an app, in its stash.
GRADES_OF = Kept(Grades)


def _report(app: "App", loaded: "Loaded") -> Report:
    package = package_of(loaded)
    found = app.plugins.find(loaded.name)
    assert found is not None  # noqa: S101 - it is on
    subject = Subject(
        found,
        app.declared[loaded.name],
        package,
        app.plugins.schemas.get(loaded.name),
        hooks_offered_by(app.plugins, loaded.name),
        offered_hooks(app.plugins),
    )
    misses = [*_code_misses(package.name, package.folder), *_misses(_OF_DECLARATIONS, subject)]
    misses.sort(key=lambda miss: GRADES.index(miss.grade))
    return Report(grade_with({miss.grade for miss in misses}), tuple(misses))


def grade_with(missed: set[Grade]) -> Grade | None:
    """The highest grade of which, and below which, nothing is missed."""
    reached: Grade | None = None
    for grade in GRADES:
        if grade in missed:
            break
        reached = grade
    return reached


@lru_cache(maxsize=1024)
def _code_misses(name: str, folder: Path) -> Sequence[Miss]:
    """The rules that the code misses, cached: the loaded code stays the same, and reading it takes long."""
    return tuple(_misses(_OF_CODE, Package(name, folder)))


def _misses(rules: Sequence[Rule[Any]], looked_at: Any) -> Iterator[Miss]:
    for rule in rules:
        flaws: list[Flaw] = list(rule.check(looked_at))
        if flaws:
            yield Miss(rule.id, rule.grade, rule.asks, rule.harm, tuple(flaws[:_MOST_FLAWS]), len(flaws))
