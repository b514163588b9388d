"""Turning plugins on and off: the settings file is changed, its comments stay, and nothing is written that would not start."""

import os
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aasim_core.commands.switching import edited, switch
from aasim_core.errors import InvalidArgument, StartupError

TEXT = """# The settings of this installation.
data_dir = "var"

[plugins]  # which features are on
# Third-party plugins to turn on.
enabled = ["slack"]
disabled = []
on_error = "stop"  # or skip

[log]
level = "info"
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A settings file."""
    path = tmp_path / "aasim.toml"
    path.write_text(TEXT)
    path.chmod(0o640)
    return path


def settings_of(site: Any, file: Path | None) -> Any:
    """The settings in that file."""
    section = tomllib.loads(file.read_text())["plugins"] if file else {}
    return replace(site.settings(*section.get("enabled", ()), disabled=tuple(section.get("disabled", ()))), config_file=file)


def test_a_third_party_plugin_is_named_in_enabled(site: Any, file: Path) -> None:
    site.install("aasim-slack", "slack")
    site.drop("notes")
    switch(settings_of(site, file), ["notes"], on=True)
    assert file.read_text() == TEXT.replace('enabled = ["slack"]', 'enabled = ["slack", "notes"]')
    switch(settings_of(site, file), ["slack", "notes"], on=False)
    assert file.read_text() == TEXT.replace('enabled = ["slack"]', "enabled = []")


def test_a_bundled_plugin_is_named_in_disabled(site: Any, file: Path) -> None:
    site.install("aasim-slack", "slack")
    site.bundle("agents")
    switch(settings_of(site, file), ["agents"], on=False)
    assert file.read_text() == TEXT.replace("disabled = []", 'disabled = ["agents"]')
    switch(settings_of(site, file), ["agents"], on=True)
    assert file.read_text() == TEXT


def test_the_file_keeps_its_mode_and_leaves_nothing_beside_it(site: Any, file: Path) -> None:
    site.install("aasim-slack", "slack")
    switch(settings_of(site, file), ["slack"], on=False)
    assert file.stat().st_mode & 0o777 == 0o640
    assert sorted(path.name for path in file.parent.iterdir() if path.name.startswith((".aasim", "aasim"))) == ["aasim.toml"]


def test_nothing_is_written_for_what_is_so_already(site: Any, file: Path) -> None:
    site.install("aasim-slack", "slack")
    assert switch(settings_of(site, file), ["slack"], on=True) is None


def test_nothing_is_written_that_would_not_start(site: Any, file: Path) -> None:
    site.install("aasim-slack", "slack")
    site.bundle("agents")
    site.bundle("executions", requires=("agents",))
    with pytest.raises(StartupError) as refused:
        switch(settings_of(site, file), ["agents"], on=False)
    assert refused.value.problems[0].startswith("Plugin executions requires agents, which is off")
    assert file.read_text() == TEXT
    switch(settings_of(site, file), ["agents", "executions"], on=False)
    assert 'disabled = ["agents", "executions"]' in file.read_text()


def test_a_broken_plugin_cannot_be_turned_on_and_can_be_turned_off(site: Any, file: Path) -> None:
    site.install("aasim-slack", "slack", "1 / 0")
    site.drop("notes", "1 / 0")
    with pytest.raises(StartupError, match="Plugin notes does not import"):
        switch(settings_of(site, file), ["notes"], on=True)
    switch(settings_of(site, file), ["slack"], on=False)
    assert "enabled = []" in file.read_text()


@pytest.mark.parametrize(
    ("name", "on", "complaint"),
    [("auth", False, "Plugin auth is essential"), ("slak", True, 'Plugin slak is not installed; did you mean "slack"')],
)
def test_what_cannot_be_switched_is_told(site: Any, file: Path, name: str, on: bool, complaint: str) -> None:
    site.install("aasim-slack", "slack")
    site.bundle("auth", essential=True)
    with pytest.raises(InvalidArgument, match=complaint):
        switch(settings_of(site, file), [name], on=on)


def test_without_a_settings_file_the_lines_to_write_are_told(site: Any) -> None:
    site.drop("notes")
    with pytest.raises(StartupError, match=r'There is no settings file(.|\n)*enabled = \["notes"\]'):
        switch(settings_of(site, None), ["notes"], on=True)


def test_a_file_that_cannot_be_changed_is_told_with_the_lines_to_write(
    site: Any, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.install("aasim-slack", "slack")
    settings = settings_of(site, file)
    file.unlink()
    file.mkdir()
    with pytest.raises(StartupError, match=r"cannot be changed (.|\n)*enabled = \[\]") as refused:
        switch(settings, ["slack"], on=False)
    assert refused.value.exit_code == 74


def test_a_list_that_the_environment_overrides_is_told(site: Any, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site.install("aasim-slack", "slack")
    monkeypatch.setenv("AASIM_PLUGINS__ENABLED", '["slack"]')
    with pytest.raises(StartupError, match="AASIM_PLUGINS__ENABLED in the environment override"):
        switch(settings_of(site, file), ["slack"], on=False)
    assert os.environ["AASIM_PLUGINS__ENABLED"]


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("", '[plugins]\nenabled = ["a"]\n'),
        ("x = 1", 'x = 1\n\n[plugins]\nenabled = ["a"]\n'),
        ("[plugins]", '[plugins]\nenabled = ["a"]'),
        ("[ plugins ] # c\n", '[ plugins ] # c\nenabled = ["a"]\n'),
        ("[plugins]\n# enabled = []\n[log]\n", '[plugins]\nenabled = ["a"]\n# enabled = []\n[log]\n'),
        ("[plugins]\n  enabled=[ ] # c\n", '[plugins]\n  enabled=["a"] # c\n'),
        ("[plugins]\nenabled = [\n  'z',\n]\n", '[plugins]\nenabled = [\n    "a",\n]\n'),
        ("[log]\nenabled = []\n[plugins]\n", '[log]\nenabled = []\n[plugins]\nenabled = ["a"]\n'),
        ("[plugins]\nenabled = [\n'z', # why\n]\n", None),
        ("plugins = {enabled = []}\n", None),
        ("plugins.enabled = []\n", None),
        ("[plugins]\nenabled = ['a']", "[plugins]\nenabled = ['a']"),
    ],
)
def test_the_list_is_changed_and_all_else_stays(text: str, result: str | None) -> None:
    assert edited(text, {"enabled": ["a"]}) == result


NAMES = st.lists(st.from_regex(r"[a-z][a-z0-9_]{0,8}", fullmatch=True), max_size=4)


@pytest.mark.long
@given(before=NAMES, after=NAMES, others=st.lists(st.sampled_from(["# note", "folder = 'x'", ""]), max_size=3, unique=True))
def test_an_edit_says_what_was_meant_and_keeps_every_comment(before: list[str], after: list[str], others: list[str]) -> None:
    text = "\n".join(["# top", "[plugins]", *others, f"enabled = {before}", "[log]", "level = 'info' # end"])
    changed = edited(text, {"enabled": after})
    assert changed is not None
    assert tomllib.loads(changed)["plugins"]["enabled"] == after
    assert tomllib.loads(changed)["log"] == {"level": "info"}
    assert [line for line in changed.splitlines() if "#" in line] == [line for line in text.splitlines() if "#" in line]
