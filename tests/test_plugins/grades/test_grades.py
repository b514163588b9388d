"""The rules of the grades: a plugin that keeps them all, and for each rule, the same with one mistake."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from aasim_core.bootstrap import build_app
from aasim_core.catalog.grades.grading import GRADES_OF, RULES, Report, grade_with
from aasim_core.commands.plugins import group
from aasim_core.errors import InvalidArgument
from aasim_core.settings import Settings
from aasim_core.testing.apps import settings_in
from aasim_core.testing.selection import only

from .mistakes import ALSO, MISTAKES, Mistake, line

MODEL = Path(__file__).parent / "model"
Graded = Callable[..., Report]


@pytest.fixture
def graded(site: Any, tmp_path: Path) -> Graded:
    """Installs the model with mistakes in it, and says what its report is."""

    def grade(*mistakes: Mistake) -> Report:
        install(site, *mistakes)
        app = build_app(settings_in(tmp_path, only(["greetings"])))
        report = app.stash.of(GRADES_OF).of("greetings")
        assert report is not None
        return report

    return grade


def install(site: Any, *mistakes: Mistake) -> Path:
    """Install the model with these mistakes; returns its folder."""
    folder: Path = site.install("aasim-greetings", "greetings")
    shutil.rmtree(folder)
    shutil.copytree(MODEL / "greetings", folder)
    metadata = shutil.copy(MODEL / "METADATA", next((site.path / "site").glob("aasim_greetings-*.dist-info")) / "METADATA")
    for file, old, new in mistakes:
        path = Path(metadata) if file == "METADATA" else folder / file
        if new is None:
            path.unlink()
            continue
        text = path.read_text(encoding="utf-8")
        assert old in text, f"{file} has no {old!r}"
        path.write_text(text.replace(old, new, 1) if old else text + new, encoding="utf-8")
    return folder


def test_the_model_is_platinum(graded: Graded) -> None:
    assert graded() == Report("platinum", ())


def test_every_rule_has_a_mistake() -> None:
    assert {*MISTAKES, "distribution"} == {rule.id for rule in RULES}
    assert len({rule.id for rule in RULES}) == len(RULES) >= 40


@pytest.mark.long
@pytest.mark.parametrize("rule", MISTAKES)
def test_a_mistake_breaks_its_rule_and_no_other(graded: Graded, rule: str) -> None:
    assert [miss.rule for miss in graded(MISTAKES[rule], *ALSO.get(rule, ())).misses] == [rule]


def test_a_miss_says_what_to_write_and_where(graded: Graded) -> None:
    (miss,) = graded(MISTAKES["public-docstrings"]).misses
    (flaw,) = miss.flaws
    assert (flaw.advice, flaw.place) == ("write a docstring for refuse_full", "greetings/service.py:15")
    assert (miss.grade, miss.harm) == ("gold", "Who builds on it has to read the code.")


def test_what_is_declared_is_told_with_the_line_that_declares_it(graded: Graded) -> None:
    (miss,) = graded(MISTAKES["part-titles"]).misses
    assert miss.flaws[0].place.startswith("greetings/__init__.py:")


def test_many_flaws_are_counted_and_the_first_told(graded: Graded) -> None:
    (miss,) = graded(line("service.py", "\n    ".join(["print()"] * 30))).misses
    assert (miss.count, len(miss.flaws)) == (30, 20)


@pytest.mark.parametrize(
    ("missed", "grade"),
    [(set(), "platinum"), ({"platinum"}, "gold"), ({"gold"}, "silver"), ({"silver", "platinum"}, "bronze"), ({"bronze"}, None)],
)
def test_a_grade_asks_for_all_below_it(missed: Any, grade: str | None) -> None:
    assert grade_with(missed) == grade


def test_a_plugin_that_was_dropped_in_is_not_platinum_for_nobody_knows_its_license(site: Any, tmp_path: Path) -> None:
    folder = install(site)
    site.dropins.mkdir()
    shutil.move(folder, site.dropins / "greetings")
    shutil.rmtree(next((site.path / "site").glob("aasim_greetings-*.dist-info")))
    app = build_app(settings_in(tmp_path, only(["greetings"], site.dropins)))
    report = app.stash.of(GRADES_OF).of("greetings")
    assert report is not None
    assert report.grade == "gold"
    assert [(miss.rule, [flaw.advice for flaw in miss.flaws]) for miss in report.misses] == [
        (
            "distribution",
            ["make it a distribution, as aasim plugins new NAME --dist DIR writes one; a plugin in a folder is gold at best"],
        )
    ]


def test_what_the_scaffold_writes_is_no_summary(graded: Graded) -> None:
    unsaid = "Say in one sentence what the plugin is for."
    report = graded(
        Mistake("__init__.py", "Greetings that people leave for each other.", unsaid),
        Mistake("README.md", "Greetings that people leave for each other.", unsaid),
    )
    assert (report.grade, [miss.rule for miss in report.misses]) == (None, ["summary", "readme-explains"])


def test_who_has_written_the_metadata_is_told_to_install_again(graded: Graded) -> None:
    [miss] = graded(MISTAKES["author"]).misses
    assert miss.flaws[0].advice.endswith("and install it again (pip install -e .): the installed metadata is read")


def test_a_plugin_that_is_not_on_has_no_report(site: Any, tmp_path: Path) -> None:
    install(site)
    app = build_app(settings_in(tmp_path, {}))
    assert app.stash.of(GRADES_OF).of("greetings") is None
    assert app.stash.of(GRADES_OF).by_name() == {}


def test_a_plugin_is_looked_at_once(graded: Graded, site: Any, tmp_path: Path) -> None:
    install(site)
    grades = build_app(settings_in(tmp_path, only(["greetings"]))).stash.of(GRADES_OF)
    assert grades.of("greetings") is grades.of("greetings")


def test_every_bundled_plugin_is_platinum(tmp_path: Path) -> None:
    app = build_app(settings_in(tmp_path, {}))
    grades = app.stash.of(GRADES_OF)
    missed = {plugin.name: report.misses for plugin in app.plugins.on if (report := grades.of(plugin.name)) and report.misses}
    assert missed == {}


def run(site: Any, tmp_path: Path, *arguments: str) -> Any:
    from aasim_core.process.installation import prepare

    settings = Settings.load({"data_dir": str(tmp_path / "var"), "plugins.enabled": ("greetings",)})
    prepare(settings)
    return CliRunner().invoke(group, arguments, obj=settings)


def test_the_list_shows_the_grade(site: Any, tmp_path: Path) -> None:
    install(site)
    words = [text.split() for text in run(site, tmp_path, "list").output.splitlines()]
    assert ["greetings", "on", "1.2.0", "platinum"] in [each[:4] for each in words]


def test_the_command_shows_what_each_misses(site: Any, tmp_path: Path) -> None:
    install(site, MISTAKES["part-titles"], MISTAKES["no-shell"])
    assert "greetings  bronze  no-shell, part-titles" in run(site, tmp_path, "grade").output


def test_the_command_tells_of_one_what_to_write(site: Any, tmp_path: Path) -> None:
    install(site, MISTAKES["public-docstrings"])
    assert run(site, tmp_path, "grade", "greetings").output.splitlines() == [
        "greetings: silver",
        "",
        "gold: public-docstrings",
        "Each public class, function and method has a docstring. Otherwise: Who builds on it has to read the code.",
        "- greetings/service.py:15: write a docstring for refuse_full",
    ]


def test_the_command_tells_the_same_as_json(site: Any, tmp_path: Path) -> None:
    install(site, MISTAKES["public-docstrings"])
    told = json.loads(run(site, tmp_path, "grade", "greetings", "--json").output)
    assert (told["grade"], told["misses"][0]["flaws"][0]["place"]) == ("silver", "greetings/service.py:15")
    assert [each["name"] for each in json.loads(run(site, tmp_path, "grade", "--json").output)] == ["greetings"]


def test_what_is_not_on_is_not_graded(site: Any, tmp_path: Path) -> None:
    install(site)
    site.install("aasim-slack", "slack")
    error = run(site, tmp_path, "grade", "slack").exception
    assert isinstance(error, InvalidArgument)
    assert "The plugin slack is off" in str(error)
