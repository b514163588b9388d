"""The contract suite says in words why it cannot begin, and leaves out what a plugin does not have."""

from pathlib import Path
from typing import Any

import pytest

from aasim_core.app import App
from aasim_core.error_codes import CORE_CODES
from aasim_core.testing.contract import PluginContract
from aasim_core.testing.contract.exchanges import Exchange, envelope_flaw
from aasim_core.testing.contract.hints import Hints
from aasim_core.testing.contract.stage import Stage, Unprepared


def names_of(contract: type[PluginContract]) -> set[str]:
    """The names of the tests that pytest would find."""
    return {name for name in dir(contract) if name.startswith("test_") and callable(getattr(contract, name))}


def test_a_plugin_that_is_not_there_fails_one_test_with_the_nearest_name(tmp_path: Path) -> None:
    class Mistyped(PluginContract):
        plugin = "agnets"

    assert names_of(Mistyped) == {"test_it_loads_with_only_what_it_requires"}
    with pytest.raises(pytest.fail.Exception, match=r'there is no plugin agnets.* Did you mean "agents"'):
        Mistyped().test_it_loads_with_only_what_it_requires(tmp_path)


def test_a_plugin_that_does_not_import_fails_one_test_with_the_reason(tmp_path: Path) -> None:
    (tmp_path / "torn").mkdir()
    (tmp_path / "torn" / "__init__.py").write_text(
        '"""Torn."""\n\nfrom aasim_core import Plugin, nothing_of_the_kind\n\nplugin = Plugin("Torn", "Does not import.")\n'
    )

    class Torn(PluginContract):
        plugin = "torn"
        folder = tmp_path

    assert names_of(Torn) == {"test_it_loads_with_only_what_it_requires"}
    with pytest.raises(pytest.fail.Exception, match="Plugin torn does not import"):
        Torn().test_it_loads_with_only_what_it_requires(tmp_path)


def test_a_plugin_without_operations_tables_and_jobs_has_no_tests_of_them() -> None:
    class Plain(PluginContract):
        plugin = "engine_scripted"

    found = names_of(Plain)
    assert "test_turned_off_the_rest_runs" in found
    assert (
        not {"test_a_change_is_an_event", "test_its_migrations_go_down", "test_turned_off_its_jobs_wait_until_it_is_on_again"}
        & found
    )


def test_an_essential_plugin_is_not_turned_off() -> None:
    class Essential(PluginContract):
        plugin = "auth"

    assert "test_it_cannot_be_turned_off" in names_of(Essential)
    assert "test_turned_off_the_rest_runs" not in names_of(Essential)


def test_an_answer_with_a_code_that_nobody_declares_is_found() -> None:
    content = b'{"success":false,"message":"No.","errors":{"_":[{"code":"notes_full","message":"No."}]}}'
    exchange = Exchange("GET /notes", 409, {"content-type": "application/json"}, content)
    flaw = "the code notes_full of _ is not declared; return it from the hook error_codes"
    assert envelope_flaw(exchange, CORE_CODES) == flaw


class Teams(PluginContract):
    """The contract of a bundled plugin, of which tests call one test; pytest collects none from a class of this name."""

    plugin = "teams"


@pytest.mark.long
def test_a_body_that_changes_nothing_is_told_as_that(app: App) -> None:
    stage = Stage(app, Hints(samples={"PATCH /teams/{team_id}": lambda world, caller: {}}))
    with pytest.raises(pytest.fail.Exception, match=r"the body {} changes nothing; write another one in `samples`"):
        Teams().test_a_change_is_an_event(stage, stage.endpoints["PATCH /teams/{team_id}"])


@pytest.mark.long
def test_copies_that_a_unique_index_refuses_are_told_with_their_prefix(app: App) -> None:
    stage = Stage(app, Hints())
    team = stage.create(stage.endpoints["POST /teams"], stage.owner, "/teams")["id"]
    stage.ask("POST", f"/teams/{team}/members", stage.owner, body={"user_id": stage.owner.user_id})
    [row] = stage.ask("GET", f"/teams/{team}/members", stage.owner).data["items"]
    told = r"copies of a row of TeamMember are refused \(.+\); write in `copies` what differs in a copy: {'teammember': lambda"
    with pytest.raises(Unprepared, match=told):
        stage.multiply(row, stage.owner, 1)


@pytest.mark.long
def test_an_operation_that_is_refused_may_need_another_object_in_its_path(app: App) -> None:
    stage = Stage(app, Hints(samples={"POST /teams/{team_id}/members": {}}))
    with pytest.raises(Unprepared, match=r"in `samples`, or another one for 'POST /teams', if it is the object made by that"):
        stage.add_row(stage.endpoints["GET /teams/{team_id}/members"], stage.owner)


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        (
            "placed",
            lambda world, caller: {},
            r"Wrong\.placed has a wrong type; write placed = {…: …}, each value a part of a body",
        ),
        ("placed", {"POST /teams": dict}, r"Wrong\.placed\['POST /teams'\] has a wrong type"),
        (
            "samples",
            {"POST /teams": "Tea"},
            r"Wrong\.samples\['POST /teams'\] .*, each value a body, or a function of world and caller",
        ),
        ("silent", ("POST /teams",), r"Wrong\.silent has a wrong type; write silent = {…: …}, each value the reason"),
        ("copies", {"team": {"name": "One"}}, r"Wrong\.copies\['team'\] .* a function of world and caller"),
    ],
)
def test_an_attribute_of_another_type_is_refused_when_the_class_is_made(name: str, value: Any, told: str) -> None:
    with pytest.raises(TypeError, match=told):
        type("Wrong", (PluginContract,), {name: value, "plugin": "teams"})
