"""The page of the rules of the grades."""

from aasim_core.app import App
from aasim_core.catalog.grades.grading import RULES
from aasim_core.catalog.grades.rule import GRADES, Grade

_TOP = """\
# Rules of the grades

What each [grade](../extend/grades.md) of a plugin asks for, and what happens to users where a rule is missed. Each grade asks
for the rules of those before it too.
"""
_HEAD = "| rule | what it asks for | what happens otherwise |\n|---|---|---|\n"


def page(app: App) -> str:
    """The whole page, a table for each grade."""
    return _TOP + "".join(f"\n## {grade.capitalize()}\n\n{_HEAD}{_rows(grade)}" for grade in GRADES)


def _rows(grade: Grade) -> str:
    return "".join(f"| `{rule.id}` | {rule.asks} | {rule.harm} |\n" for rule in RULES if rule.grade == grade)
