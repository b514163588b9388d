"""``aasim up --reload`` while somebody works on a plugin: what changes comes by HTTP, and what does not load harms nothing."""

import re
import signal
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from ..client import Client
from ..conftest import NO_MODEL, Install
from ..installation import Installation, Process

FILES = {
    "greetings/__init__.py": '''"""Greetings."""

from aasim_core import Permission, Plugin, hookimpl

from .api import Greetings

plugin = Plugin("Greetings", "Says hello.")


@hookimpl
def permissions(app):
    return [Permission("greetings:read", "See greetings")]


@hookimpl
def routes(app):
    return [Greetings()]
''',
    "greetings/api.py": '''"""The endpoint."""

from aasim_core import Resource, operation

from .words import WORDS


class Greetings(Resource):
    """Greetings."""

    paths = {"": "/greetings"}

    @operation("greetings:read", message="Said.")
    def on_get(self, req, resp):
        """Say it."""
        resp.media = {"text": WORDS}
''',
    "greetings/words.py": 'WORDS = "Hello."\n',
    "farewells/__init__.py": '"""Farewells."""\n\nfrom aasim_core import Plugin\n\nplugin = Plugin("Farewells", "Says goodbye.")\n',
}
MODELS = '''"""The record of a visitor."""

import peewee

from aasim_core import TenantRecord


class Visitor(TenantRecord):
    """Who was greeted."""

    name = peewee.TextField()

    class Meta:
        table_name = "greetings_visitor"
        id_prefix = "greetings_visitor"
'''
HOOK = "\n\nfrom .models import Visitor\n\n\n@hookimpl\ndef models(app):\n    return [Visitor]\n"
STARTUP = '\n\nfrom aasim_core.errors import StartupError\n\n\n@hookimpl\ndef startup(app):\n    raise StartupError("Nobody is up yet.")\n'


@dataclass
class Bench:
    """A folder of plugins in which somebody works, and the platform that follows."""

    installation: Installation
    seen: int = 0
    process: Process = field(init=False)
    ada: Client = field(init=False)

    def start(self) -> None:
        """Start it, and register somebody."""
        for name, text in FILES.items():
            self.path(name).parent.mkdir(parents=True, exist_ok=True)
            self.path(name).write_text(text)
        self.choose("greetings")
        self.process = self.installation.start("up", "--reload", AASIM_CONFIG=str(self.config))
        self.says("Ctrl-C stops.")
        self.ada = self.installation.visitor.register()
        self.says("do nothing.")  # the end of the mail to her

    @property
    def config(self) -> Path:
        """The settings file."""
        return self.installation.folder / "aasim.toml"

    def path(self, name: str) -> Path:
        """A file of a plugin."""
        return self.installation.folder / "plugins" / name

    def choose(self, *plugins: str) -> None:
        """Turn these plugins on, in the settings file."""
        self.config.write_text(f"[plugins]\nfolder = '{self.path('')}'\nenabled = {list(plugins)}\n")

    def refuses(self, path: Path, text: str) -> str:
        """Write what does not load; returns what is said of it, when the file is as before and API and worker have restarted."""
        before, answer = path.read_text(), self.greeting()
        path.write_text(text)
        said = self.says("continue with the last version that loaded.")
        assert self.greeting() == answer
        path.write_text(before)
        self.says("API and worker restarted")
        return said

    def says(self, text: str) -> str:
        """Wait until it says this, after all that was waited for before; returns what it said on the way."""
        self.process.says(text, after=self.seen)
        said = self.process.output[self.seen :]
        self.seen = len(self.process.output)
        return said

    def greeting(self) -> str:
        """What the API answers."""
        return str(self.ada.get("/greetings").data["text"])


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """One for all tests, which leave it running and loaded."""
    installation = Installation(tmp_path_factory.mktemp("reload"), {**NO_MODEL, "AASIM_WORKER__GRACE_SECONDS": "1"})
    bench = Bench(installation)
    bench.start()
    yield bench
    assert bench.process.stop(signal.SIGINT) == 0
    installation.close()


def test_a_changed_file_is_in_the_next_answer_and_two_lines_say_which_it_was(bench: Bench) -> None:
    assert bench.greeting() == "Hello."
    bench.path("greetings/words.py").write_text('WORDS = "Good day."\n')
    said = bench.says("s)\n")
    assert bench.greeting() == "Good day."
    told = r"\s*greetings/words.py changed, restarting …\n✓ greetings/words.py changed; API and worker restarted \(\d+\.\d s\)\n"
    assert re.fullmatch(told, said)


def test_a_syntax_error_is_told_with_its_line_and_leaves_the_old_answer(bench: Bench) -> None:
    said = bench.refuses(bench.path("greetings/words.py"), 'WORDS = "Never."\nWORDS += (\n')
    assert "Plugin greetings does not import: SyntaxError: '(' was never closed (greetings/words.py:2)." in said
    assert "greetings/words.py changed, but does not load. Correct the error above, and save." in said


def test_a_broken_contract_is_told_with_its_line_and_leaves_the_old_answer(bench: Bench) -> None:
    said = bench.refuses(bench.path("greetings/api.py"), FILES["greetings/api.py"].replace("greetings:read", "greetings:raed"))
    assert "asks for the permission greetings:raed at GET /greetings, which nobody declares" in said
    assert "(greetings/api.py:8)." in said


def test_wrong_settings_are_told_and_leave_the_old_answer(bench: Bench) -> None:
    assert "http.max_body_bytes" in bench.refuses(bench.config, "[http]\nmax_body_bytes = 0\n")


def test_a_plugin_that_is_turned_on_in_the_settings_file_is_there(bench: Bench) -> None:
    bench.choose("greetings", "farewells")
    bench.says("/aasim.toml changed; API and worker restarted")
    assert "farewells" in [plugin["name"] for plugin in bench.ada.get("/plugins").data["items"]]


def test_a_new_table_is_made_before_the_restart(bench: Bench) -> None:
    bench.path("greetings/models.py").write_text(MODELS)
    bench.path("greetings/__init__.py").write_text(FILES["greetings/__init__.py"] + HOOK)
    assert "has records, and no folder migrations/ to make their tables" in bench.says(
        "continue with the last version that loaded."
    )
    bench.path("greetings/migrations").mkdir()
    made = bench.installation.run("plugins", "makemigration", "greetings", AASIM_CONFIG=str(bench.config))
    assert made.returncode == 0, made.stderr
    assert "1 migrations applied." in bench.says("API and worker restarted")
    assert bench.installation.rows("SELECT count(*) FROM greetings_visitor") == [(0,)]


def test_what_cannot_start_waits_for_its_correction(bench: Bench) -> None:
    init = bench.path("greetings/__init__.py")
    before = init.read_text()
    init.write_text(before + STARTUP)
    assert "Nobody is up yet." in bench.says("cannot run.")
    init.write_text(before)
    bench.says("API and worker restarted")
    assert bench.ada.get("/greetings").status == 200


def test_a_run_goes_on_after_the_restart(bench: Bench) -> None:
    execution = bench.ada.execute(bench.ada.agent({"text": "Done.", "delay_seconds": 8}))
    bench.ada.becomes(execution, "running")
    bench.path("greetings/words.py").write_text('WORDS = "Good evening."\n')
    bench.says("API and worker restarted")
    assert bench.ada.becomes(execution, "succeeded")["output"] == "Done."


def test_it_is_refused_where_other_machines_reach_the_server(install: Install) -> None:
    done = install(empty=True, AASIM_BIND="0.0.0.0:8000").run("up", "--reload")
    assert done.returncode == 78
    assert "--reload is for work on plugins, and other machines can reach server.bind = 0.0.0.0:8000" in done.stderr


def test_it_is_refused_with_the_demonstration(install: Install) -> None:
    done = install(empty=True).run("up", "--reload", "--demo")
    assert done.returncode == 2
    assert "--demo ends by itself, so --reload has nothing to restart" in done.stderr
