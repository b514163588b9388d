"""Every example of the README and of the docs for those who call the API does what the page says, on a new installation."""

import re
from collections.abc import Mapping
from pathlib import Path
from subprocess import TimeoutExpired

import pytest

from ..pages import Page, Step, pages_of
from ..running import SECONDS, Platform
from .alike import json_differences, line_differences

_PAGES = pages_of(Path(__file__).parents[3])
#: Pages whose examples need the embedded model.
_WITH_MODEL = ("README.md",)
_FOLDERS = ("docs/start/", "docs/use/", "docs/recipes/", "docs/reference/")
WITHOUT_MODEL = [name for name in _PAGES if name.startswith(_FOLDERS)]


@pytest.mark.long
@pytest.mark.parametrize("name", [name for name in WITHOUT_MODEL if _PAGES[name].blocks("sh")])
def test_the_examples_work(platform: Platform, pages: Mapping[str, Page], name: str) -> None:
    run_alone(platform, pages[name])


@pytest.mark.long
@pytest.mark.parametrize("name", _WITH_MODEL)
@pytest.mark.usefixtures("model")
def test_the_examples_on_the_embedded_model_work(platform: Platform, pages: Mapping[str, Page], name: str) -> None:
    run_alone(platform, pages[name])


@pytest.mark.long
@pytest.mark.usefixtures("model")
def test_the_examples_of_all_pages_work_one_after_the_other_for_one_person(
    new_platform: Platform, pages: Mapping[str, Page]
) -> None:
    for name in ("README.md", *WITHOUT_MODEL):
        run(new_platform, pages[name], "reader")


def run_alone(platform: Platform, page: Page) -> None:
    """Run the page's commands for a new person."""
    platform.introduce(person_of(page), page)
    run(platform, page, person_of(page))


def person_of(page: Page) -> str:
    """The name of the person who runs a page alone."""
    return re.sub(r"\W", "", page.path.stem).lower()


def run(platform: Platform, page: Page, person: str) -> None:
    """Run the page's commands, and compare what they print with what the page shows."""
    steps = [step for step in page.steps() if "bin/" not in step.commands]
    if not steps:
        return
    try:
        outputs = platform.run(person, steps)
    except TimeoutExpired:
        pytest.fail(f"{page.path.name} takes more than {SECONDS} s", pytrace=False)
    found = [line for step, printed in zip(steps, outputs, strict=True) for line in differences(step, printed)]
    assert not found, f"{page.path.name}, " + "\n".join(found)


def differences(step: Step, printed: str) -> list[str]:
    """How what was printed differs from what is shown."""
    if step.shown is None:
        return []
    compare = json_differences if step.language == "json" else line_differences
    return [f"line {step.line}: {difference}" for difference in compare(step.shown, printed)]


@pytest.mark.parametrize("name", ["README.md", *WITHOUT_MODEL])
def test_every_command_with_curl_is_an_example_that_runs(pages: Mapping[str, Page], name: str) -> None:
    others = [block for language in ("", "bash", "shell", "console") for block in pages[name].blocks(language)]
    assert not any("curl" in block for block in others), f"{name}: mark blocks with curl as ```sh, so that they are run"


@pytest.mark.parametrize("name", ["README.md", *WITHOUT_MODEL])
def test_no_example_hides_its_error_or_waits_for_ever(pages: Mapping[str, Page], name: str) -> None:
    commands = "\n".join(pages[name].blocks("sh"))
    assert not re.findall(r"curl -[a-zA-Z]*f", commands), "`curl -f` hides what is wrong; use --fail-with-body"
    assert not re.findall(r"^ *(?:until|while (?!read)).*", commands, re.MULTILINE), "bound the wait, with `for TRY in {1..100}`"


def test_differences_are_seen() -> None:
    shown = '{"id": "agent_01h455vb4pex5vsknk084sn02q", "at": "2026-01-31T09:00:00.000Z", "n": 1, "…": "…"}'
    same = '{"id": "agent_01m889am62ewfvz1hja7xp0h73", "at": "2026-11-25T02:42:30.722Z", "n": 7, "more": []}'
    assert json_differences(shown, same) == []
    assert json_differences(shown, same.replace("agent_", "user_"))
    assert json_differences(shown.replace(', "…": "…"', ""), same)
    assert json_differences('{"status": "queued"}', '{"status": "running"}')
    assert json_differences('{"status": "queued"}', '{"status": null}')
    assert line_differences('HTTP/1.1 200 OK\nETag: "2"', 'HTTP/1.1 200 OK\nserver: x\netag: "2"') == []
    assert line_differences('HTTP/1.1 200 OK\nETag: "2"', 'HTTP/1.1 200 OK\netag: "3"')
