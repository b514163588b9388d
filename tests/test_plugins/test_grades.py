"""The rules of the grades: a plugin that keeps them all, and for each rule, the same with one mistake."""

import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from click.testing import CliRunner

from aasim_core.bootstrap import build_app
from aasim_core.catalog.grades.grading import GRADES_OF, RULES, Report, grade_with
from aasim_core.commands.plugins import group
from aasim_core.errors import InvalidArgument
from aasim_core.settings import Settings
from aasim_core.testing.apps import settings_in
from aasim_core.testing.selection import only

MODEL = Path(__file__).parent / "model"
Graded = Callable[..., Report]


class Mistake(NamedTuple):
    """A text of a file of the model, and what stands there instead; without a text, what stands at its end. None removes the file."""

    file: str
    old: str
    new: str | None


def line(file: str, code: str) -> Mistake:
    """A mistake in a function that is added to the file."""
    return Mistake(file, "", f'\n\ndef added() -> None:\n    """Do it."""\n    {code}\n')


#: For each rule, the mistake that breaks it and no other one.
MISTAKES: Mapping[str, Mistake] = {
    "module-docstrings": Mistake("reactions.py", '"""What follows what happens."""\n', ""),
    "migrations-go-down": Mistake("migrations/0001_initial.py", "def down(", "def no_down("),
    "no-print": line("service.py", 'print("greeted")'),
    "no-swallowed-errors": line("service.py", "try:\n        tidy\n    except BaseException:\n        return"),
    "no-text-is-run": line("service.py", 'eval("1 + 1")'),
    "no-unpickling": line("service.py", "import pickle"),
    "no-shell": line("service.py", 'import os\n\n    os.system("ls")'),
    "guarded-network": line("service.py", "import urllib.request"),
    "no-raw-sql": line("service.py", 'Refused.database.execute_sql("SELECT 1")'),
    "settings-from-one-place": line("service.py", 'import os\n\n    os.environ["GREETINGS"]'),
    "strong-secrets": Mistake(
        "service.py", "", '\n\ndef make_token() -> int:\n    """A token."""\n    import random\n\n    return random.getrandbits(64)\n'
    ),
    "time-in-utc": line("service.py", "from datetime import datetime\n\n    datetime.now()"),
    "no-sleeping": line("service.py", "import time\n\n    time.sleep(1)"),
    "public-imports": line("service.py", "from aasim_core.plugins.failures import _above"),
    "no-inner-files": line("service.py", "from aasim_plugins.rubrics.verdict import Verdict"),
    "no-globals": line("service.py", "global GREETINGS_FULL"),
    "typed-returns": Mistake("service.py", "def refuse_full(count: int) -> None:", "def refuse_full(count: int):"),
    "typed-arguments": Mistake("service.py", "def refuse_full(count: int) -> None:", "def refuse_full(count) -> None:"),
    "public-docstrings": Mistake("service.py", '    """Refused ``greetings_full`` where there are too many."""\n', ""),
    "described-migrations": Mistake("migrations/0001_initial.py", '"""Greetings."""\n', "import os\n"),
    "whole-sentences": Mistake("service.py", "There is no room; delete a greeting.", "no room"),
    "short-files": Mistake("service.py", "", "# a line\n" * 300),
    "short-functions": line("service.py", "tidy\n    " * 50),
    "title": Mistake("__init__.py", 'Plugin("Greetings"', 'Plugin("greetings"'),
    "summary": Mistake("__init__.py", '"Greetings that people leave for each other.")', '"Greetings")'),
    "permission-summaries": Mistake("__init__.py", '"See greetings"', '"See"'),
    "event-summaries": Mistake("__init__.py", '"A greeting was answered"', '"Answered"'),
    "operation-summaries": Mistake("api.py", "Read in which tone a greeting is.", "Tone"),
    "settings-explained": Mistake("settings.py", '"How long a greeting is kept."', '"days"'),
    "part-schemas": Mistake("__init__.py", '{"type": "object"}', '{"type": "objekt"}'),
    "commands-explained": Mistake("counting.py", 'help="Count the greetings."', 'help=" "'),
    "secrets-write-only": Mistake("schemas.py", "    tone = ", "    password = Text()\n    tone = "),
    "secret-settings": Mistake("settings.py", ", secret=True", ""),
    "dangerous-deleting": Mistake("__init__.py", ", dangerous=True", ""),
    "permissions-asked-for": Mistake(
        "__init__.py",
        '        Permission("greetings:delete"',
        '        Permission("greetings:ring", "Ring the bell"),\n        Permission("greetings:delete"',
    ),
    "changes-are-events": Mistake("__init__.py", "@hookimpl\ndef events", "def no_events"),
    "event-subjects": Mistake("__init__.py", 'answered", "greetings_greeting", tone', 'answered", "", tone'),
    "replies-declared": Mistake("api.py", "reply=schemas.ToneOut(), ", ""),
    "lists-in-pages": Mistake("api.py", "reply=schemas.ToneOut(), ", "reply=schemas.ToneOut(), many=True, "),
    "operation-messages": Mistake("api.py", 'message="Tone read."', 'message="Tone"'),
    "body-examples": Mistake("schemas.py", "name = Text(1, 120, required=True)", 'name = Text(1, 120, required=True, example="")'),
    "unique-within": Mistake("models.py", '(("organization_id", "name"), True)', '(("name",), True)'),
    "lists-indexed": Mistake(
        "models.py", '(("organization_id", "created_at", "id"), False), (("organization_id", "name"), True)', '(("name",), False),'
    ),
    "job-time-limits": Mistake("__init__.py", "time_limit=60", "time_limit=100_000"),
    "job-attempts": Mistake("__init__.py", "time_limit=60", "time_limit=60, retry=Retry(max_attempts=0)"),
    "named-listeners": Mistake("__init__.py", "answer, wanted", "lambda event: None, wanted"),
    "listeners-choose": Mistake("__init__.py", ", wanted=is_greeting", ""),
    "hooks-typed": Mistake("__init__.py", "def greeters(app: App) -> Sequence[Greeter]:", "def greeters(app: App):"),
    "error-sentences": Mistake("service.py", 'example="There is no room for it."', 'example="no room"'),
    "part-titles": Mistake("__init__.py", '"Greets politely"', '" "'),
    "part-names": Mistake("__init__.py", '"greetings_polite"', '"polite"'),
    "offered-hooks-documented": Mistake("hookspecs.py", '    """Return the ways to greet that the plugin brings."""\n', ""),
    "offered-parts-shown": Mistake("hookspecs.py", '    shown: ClassVar = PartShape(title="title", schemas=("parameters",))\n', ""),
    "setting-units": Mistake("settings.py", "keep_days", "timeout"),
    "event-fields-described": Mistake("__init__.py", ', description="In which tone it is."', ""),
    "readme": Mistake("README.md", "# greetings\n\n", ""),
    "readme-settings": Mistake("README.md", "`keep_days`, ", ""),
    "readme-permissions": Mistake("README.md", "`greetings:update`, ", ""),
    "readme-routes": Mistake("README.md", ", `/greetings/{greeting_id}/tone`", ""),
    "readme-events": Mistake("README.md", ", `greetings.answered`", ""),
    "readme-jobs": Mistake("README.md", "Jobs: `greetings.tidy`. ", ""),
    "readme-error-codes": Mistake("README.md", "Error codes: `greetings_full`. ", ""),
    "readme-commands": Mistake("README.md", " Commands: `aasim greetings count`.", ""),
    "readme-hooks": Mistake("README.md", "Hook offered: `greeters`. ", ""),
    "readme-parts": Mistake("README.md", "`greetings_polite`", "of ours"),
    "readme-explains": Mistake(
        "README.md",
        "Greetings that people leave for each other. A greeting is read by all, and answered by whoever wants to.\n",
        "",
    ),
    "typed-package": Mistake("py.typed", "", None),
    "license": Mistake("METADATA", "License-Expression: Apache-2.0\n", ""),
    "author": Mistake("METADATA", "Author-email: Ada <ada@example.com>\n", ""),
    "links": Mistake(
        "METADATA",
        "Project-URL: Source, https://example.com/greetings\nProject-URL: Changelog, https://example.com/greetings/changes\n",
        "",
    ),
    "changelog": Mistake("METADATA", "Project-URL: Changelog, https://example.com/greetings/changes\n", ""),
    "described-distribution": Mistake("METADATA", "Summary: Greetings for Aasim\n", ""),
    "platform-versions": Mistake("METADATA", "aasim>=0.1", "aasim"),
}  # fmt: skip

#: What has to be otherwise too, for the mistake to be the only one.
ALSO: Mapping[str, Sequence[Mistake]] = {
    "changes-are-events": (
        Mistake("api.py", '    events = "greetings"\n', ""),
        Mistake("api.py", "    body = schemas.GreetingIn()\n", ""),
        Mistake("api.py", '@operation("read", reply', '@operation("update", reply'),
        Mistake("api.py", "def on_get_tone", "def on_put_tone"),
        Mistake("__init__.py", '        Permission("greetings:create", "Write greetings", roles=("builder",)),\n', ""),
        Mistake("__init__.py", '        Permission("greetings:delete", "Delete greetings", dangerous=True),\n', ""),
    ),
    "job-attempts": (Mistake("__init__.py", "Resource, hookimpl", "Resource, Retry, hookimpl"),),
    "permissions-asked-for": (Mistake("README.md", "`greetings:read`", "`greetings:ring`, `greetings:read`"),),
    "setting-units": (Mistake("README.md", "keep_days", "timeout"),),
}


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
    assert set(MISTAKES) == {rule.id for rule in RULES}
    assert len({rule.id for rule in RULES}) == len(RULES) >= 40


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
    assert {"license", "author", "links"} <= {miss.rule for miss in report.misses}


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
