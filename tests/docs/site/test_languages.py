"""The examples of the pages are in Python and TypeScript too, as a person would write them."""

from collections.abc import Mapping

import pytest
from languages.page import Translation, translated
from languages.tabs import with_tabs

from ..examples.test_examples import WITHOUT_MODEL
from ..pages import Page
from .language_cases import COMMANDS, FILTERS, REQUESTS, of

#: Blocks with curl that stay in curl alone, and why. The list only gets shorter: write another command, or teach docs/site/languages.
ONLY_CURL = {
    "docs/use/activities.md": ["cut", "a file or a here-document"],
    "docs/use/analytics.md": ["head"],
    "docs/use/organizations.md": ["a file or a here-document", "a file or a here-document"],
    "docs/use/workflows.md": ["grep"],
}


@pytest.mark.parametrize(
    ("commands", "python", "typescript"), [*REQUESTS.values(), *COMMANDS.values()], ids=[*REQUESTS, *COMMANDS]
)
def test_commands_are_written_as_a_person_would(commands: str, python: str, typescript: str) -> None:
    assert (of(commands, "Python"), of(commands, "TypeScript")) == (python, typescript)


@pytest.mark.parametrize(("program", "python", "typescript"), FILTERS.values(), ids=list(FILTERS))
def test_what_jq_makes_of_an_answer_is_an_expression(program: str, python: str, typescript: str) -> None:
    commands = f"curl -s $API/a | jq {program}"
    assert python in of(commands, "Python")
    assert typescript in of(commands, "TypeScript")


def test_the_first_block_imports_what_the_page_needs() -> None:
    first, _ = translated(["API=http://127.0.0.1:8000/api/v1", "sleep 1\ncurl -s $API/a | jq .id"])
    assert isinstance(first, Translation)
    assert first.codes["Python"].splitlines()[:6] == [
        "import json",
        "import time",
        "",
        "import httpx2",
        "",
        "client = httpx2.Client(timeout=60)",
    ]
    assert first.codes["TypeScript"].startswith('import { setTimeout as sleep } from "node:timers/promises";\n')


@pytest.mark.parametrize(
    ("block", "reason"),
    [
        ("aasim doctor", "aasim"),
        ("curl -s http://a | grep b", "grep"),
        ("curl -s http://a > b", "a file or a here-document"),
        ("curl -s http://a -o b", "a file"),
        ("curl -s http://a -d @b", "a body from a file"),
        ("curl -s --compressed http://a", "curl's option --compressed"),
        ("curl -s http://a -d 'b=c'", "a body that is no JSON"),
        ("curl -s http://a | jq 'sort_by(.b)'", "jq's sort_by"),
        ("curl -s http://a/$UNKNOWN", "$UNKNOWN, which is not translated"),
        ("while read -r A; do curl -s $A; done", "while"),
        ("curl -s 'http://a", "a word that begins with '"),
    ],
)
def test_what_has_no_translation_stays_with_its_reason(block: str, reason: str) -> None:
    [found] = translated([block])
    assert str(found).startswith(reason)


def test_what_follows_a_block_that_is_not_translated_uses_nothing_of_it() -> None:
    _, second, third = translated(["A=1", "A=$(date)", "curl -s http://a/$A"])
    assert (str(second), str(third)) == ("date", "$A, which is not translated")


@pytest.mark.long
def test_every_block_with_curl_is_translated_but_for_those_on_the_list(pages: Mapping[str, Page]) -> None:
    found = {name: only_curl(pages[name]) for name in WITHOUT_MODEL}
    assert {name: reasons for name, reasons in found.items() if reasons} == ONLY_CURL


def only_curl(page: Page) -> list[str]:
    """Why blocks of a page with curl are not translated."""
    blocks = page.blocks("sh")
    return [
        str(one)
        for block, one in zip(blocks, translated(blocks), strict=True)
        if "curl" in block and not isinstance(one, Translation)
    ]


def test_an_example_is_in_three_tabs_and_the_rest_of_the_page_as_it_is() -> None:
    page = "# A\n\n```sh\ncurl -s http://a\n```\n\n```json\n{}\n```\n\n```sh\naasim doctor\n```\n"
    shown = with_tabs(page)
    assert [line for line in shown.splitlines() if line.startswith("===")] == ['=== "curl"', '=== "Python"', '=== "TypeScript"']
    assert "    ```sh\n    curl -s http://a\n    ```\n" in shown
    assert shown.startswith("# A\n\n") and shown.endswith("```json\n{}\n```\n\n```sh\naasim doctor\n```\n")
