"""Runs whose job is given up: they end, and their answer says no more than their clients may know."""

from collections.abc import Callable
from typing import Any

import pytest

from aasim_core.app import App
from aasim_core.context import organization_scope, system_scope
from aasim_core.testing.world import Person
from aasim_plugins.executions.turn import loop

INTERNALS = "DataError: bigint out of range (site-packages/psycopg/cursor.py:117)"


@pytest.mark.parametrize(
    ("state", "code", "message"),
    [
        ("dead", "worker_crash_loop", "The run ended its worker three times."),
        ("failed", "internal_error", "Something went wrong on our side; tell the operator the execution's id."),
    ],
)
def test_a_run_that_is_given_up_says_so_without_internals(
    owner: Person, scripted: Callable[..., Any], app: App, state: str, code: str, message: str
) -> None:
    queued = owner.client.post(f"/agents/{scripted('x')['id']}/execute", {"input": "hello"}).data
    with organization_scope(owner.organization_id), app.database.transaction():
        loop.give_up({"execution_id": queued["id"], "job": 1}, INTERNALS, state)
    ended = owner.client.get(f"/executions/{queued['id']}").data

    assert (ended["status"], ended["error"]["code"], ended["error"]["message"]) == ("failed", code, message)
    [line] = owner.client.get(f"/executions/{queued['id']}/logs").data["entries"]
    assert (line["event"], line["level"], line["message"], line["data"]) == ("failed", "error", message, {"code": code})


def test_a_run_is_given_up_in_a_transaction_of_the_system(owner: Person, scripted: Callable[..., Any], app: App) -> None:
    queued = owner.client.post(f"/agents/{scripted('x')['id']}/execute", {"input": "hello"}).data
    with system_scope("give up a job"), app.database.transaction(), organization_scope(owner.organization_id):
        loop.give_up({"execution_id": queued["id"], "job": 1}, INTERNALS, "dead")
    assert owner.client.get(f"/executions/{queued['id']}").data["status"] == "failed"
