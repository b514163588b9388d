"""Running agents over HTTP, with an API process and a worker process: as README and the documentation show it."""

import json
import os
import re
import signal
import subprocess
import time
from contextlib import ExitStack, suppress
from datetime import datetime
from itertools import pairwise
from pathlib import Path

import pytest

from aasim_core.clock import from_text, now
from aasim_core.resources.streams import RECHECK_SECONDS

from ...bench import processes
from ...docs.pages import Page
from ..client import API, Client
from ..conftest import Install
from ..installation import Installation

#: A turn that calls a tool which is not there; the run goes on with the next turn.
CALL = {"text": "Let me look.", "tool_calls": [{"name": "look", "arguments": {"at": "sky"}}]}
SLOW = {"text": "late", "delay_seconds": 600}


def test_an_agent_is_made_executed_and_followed_to_its_end(ada: Client) -> None:
    agent = ada.agent(CALL, "It is blue.")
    queued = ada.post(f"/agents/{agent}/execute", {"input": "What colour has the sky?"})
    assert (queued.status, queued.data["status"]) == (202, "queued")
    assert queued.headers["Location"] == f"/api/v1/executions/{queued.data['id']}"
    *log, end = ada.follow(f"/executions/{queued.data['id']}/logs")
    assert [event["id"] for event in log] == [str(number) for number in range(1, len(log) + 1)]
    assert end == {"event": "end", "data": '{"status":"succeeded"}'}
    ended = ada.execution(queued.data["id"])
    assert (ended["status"], ended["output"]) == ("succeeded", "It is blue.")


def test_a_client_that_waits_gets_the_result_in_the_first_answer(ada: Client) -> None:
    answer = ada.post(f"/agents/{ada.agent('Done.')}/execute", {"input": "Go."}, Prefer="wait=30")
    assert (answer.status, answer.data["status"], answer.data["output"]) == (200, "succeeded", "Done.")


def test_a_stream_that_broke_off_is_resumed_where_it_was(ada: Client) -> None:
    execution = ada.execute(ada.agent(CALL, CALL, "Done."), Prefer="wait=30")
    path = f"/executions/{execution}/logs"
    whole = list(ada.follow(path))
    assert list(ada.follow(path, Last_Event_ID=whole[2]["id"])) == whole[3:]


@pytest.mark.parametrize("last_id", ["", "2"])
def test_a_browser_follows_a_log_as_the_documentation_shows(ada: Client, root: Path, last_id: str) -> None:
    execution = ada.execute(ada.agent(CALL, CALL, "Done."))
    [example] = Page(root / "docs" / "use" / "conventions.md").blocks("js")
    given = {"api": f"http://127.0.0.1:{ada.port}{API}", "token": ada.token, "id": execution, "lastId": last_id}
    script = f"const {{ {', '.join(given)} }} = {json.dumps(given)};\n{example}"
    printed = subprocess.run(
        ["node", "--input-type=module", "-"], input=script, capture_output=True, text=True, timeout=300, check=True
    )
    ids = [event.get("id") for event in ada.follow(f"/executions/{execution}/logs", Last_Event_ID=last_id)]
    assert re.findall(r"^id: (.+)$", printed.stdout, re.MULTILINE) == ids[:-1]
    assert 'event: end\ndata: {"status":"succeeded"}' in printed.stdout


def test_the_log_grows_while_the_run_goes_on(ada: Client) -> None:
    execution = ada.execute(ada.agent(CALL, SLOW))
    stream = ada.follow(f"/executions/{execution}/logs")
    assert '"event":"engine_called"' in next(stream)["data"]
    assert '"event":"engine_replied"' in next(stream)["data"]
    assert ada.execution(execution)["status"] == "running"
    ada.post(f"/executions/{execution}/cancel")
    *_, end = stream
    assert end == {"event": "end", "data": '{"status":"cancelled"}'}


def test_a_slow_run_is_cancelled_within_ten_seconds(ada: Client) -> None:
    execution = ada.execute(ada.agent(CALL, SLOW))
    ada.becomes(execution, "running")
    answer = ada.post(f"/executions/{execution}/cancel", {"reason": "I changed my mind."})
    assert (answer.status, answer.data["status"]) == (202, "cancelling")
    cancelled = ada.becomes(execution, "cancelled")
    assert (from_text(cancelled["finished_at"]) - from_text(answer.data["updated_at"])).total_seconds() < 10
    assert (cancelled["output"], cancelled["error"]) == (None, None)


def test_no_step_starts_after_a_cancel_is_acknowledged(ada: Client, running: Installation) -> None:
    # So slow that the run is cancelled long before its end.
    looks = [{"name": "look", "arguments": {"at": number}} for number in range(49)]
    turns = [{"text": "Let me look.", "tool_calls": [look], "delay_seconds": 0.2} for look in looks]
    agent = ada.agent(*turns, "Done.")
    for enough in (2, 5, 9, 14):
        execution = ada.execute(agent)
        wait_for_steps(running, execution, enough)
        ada.post(f"/executions/{execution}/cancel")
        acknowledged = now()
        ada.becomes(execution, "cancelled")
        assert [moment for moment in starts_of_steps(running, execution) if moment > acknowledged] == []


def test_many_runs_at_once_all_succeed_and_each_log_is_whole(ada: Client) -> None:
    agent = ada.agent(CALL, "Done.")
    executions = [ada.execute(agent) for _ in range(20)]
    for execution in executions:
        ada.becomes(execution, "succeeded")
        numbers = [entry["sequence"] for entry in ada.get(f"/executions/{execution}/logs").data["entries"]]
        assert all(after == before + 1 for before, after in pairwise(numbers)) and numbers[0] == 1


def test_a_stream_begins_at_once_also_where_nothing_happens(ada: Client) -> None:
    execution = ada.execute(ada.agent(SLOW))
    ada.becomes(execution, "running")
    with ada.opened(f"/executions/{execution}/logs") as response:
        assert response.status == 200
        assert response.read1() == b": still here\n\n"
    ada.post(f"/executions/{execution}/cancel")


def test_whoever_opens_many_streams_leaves_threads_for_the_rest(ada: Client) -> None:
    execution = ada.execute(ada.agent(SLOW))
    path = f"/executions/{execution}/logs"
    with ExitStack() as open_streams:
        answers = [open_streams.enter_context(ada.opened(path)).status for _ in range(16)]
        assert set(answers) == {200, 503} and answers.count(200) <= 12
        assert ada.get("/agents").status == 200
        assert ada.get(path).status == 200
        ada.post(f"/executions/{execution}/cancel")
    processes.eventually(lambda: followed(ada, path) == 200, "a free place")


def followed(person: Client, path: str) -> int:
    """The status of the answer to somebody who wants to follow."""
    with person.opened(path) as response:
        return response.status


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, pytest.param(signal.SIGINT, marks=pytest.mark.long)])
def test_a_stream_ends_in_good_order_when_the_server_stops(installation: Installation, number: signal.Signals) -> None:
    installation.start("worker")
    server = installation.serve()
    ada = installation.visitor.register()
    execution = ada.execute(ada.agent(CALL, SLOW))
    stream = ada.follow(f"/executions/{execution}/logs")
    next(stream)
    os.killpg(server.popen.pid, number)  # as a terminal does
    assert "end" not in [event["event"] for event in stream]
    assert server.popen.wait(60) == 0
    installation.serve()
    assert ada.execution(execution)["status"] == "running"


def test_a_server_that_is_told_again_and_again_to_stop_at_once_does(installation: Installation) -> None:
    server = installation.serve()
    installation.visitor.register()
    for _ in range(200):
        for child in processes.children(server.popen.pid):
            with suppress(ProcessLookupError):  # it has ended
                os.kill(child, signal.SIGINT)
                os.kill(child, signal.SIGQUIT)
    server.popen.terminate()
    assert server.popen.wait(60) == 0


def starts_of_steps(installation: Installation, execution: str) -> list[datetime]:
    """When the finished steps of the execution began."""
    rows = installation.rows("SELECT started_at FROM executions_step WHERE execution_id = ? ORDER BY number", execution)
    return [from_text(moment) for (moment,) in rows]


def wait_for_steps(installation: Installation, execution: str, count: int) -> None:
    """Wait until so many steps of the execution are finished."""
    processes.eventually(lambda: len(starts_of_steps(installation, execution)) >= count, f"step {count}", pause=0.002)


def test_a_stream_ends_soon_after_its_reader_logged_out(ada: Client) -> None:
    execution = ada.execute(ada.agent(CALL, SLOW))
    stream = ada.follow(f"/executions/{execution}/logs")
    next(stream)
    assert ada.post("/auth/logout").status == 200
    began = time.monotonic()
    assert "end" not in [event["event"] for event in stream]
    assert time.monotonic() - began < RECHECK_SECONDS + 60, "it goes on as long as the run, for ten minutes"


def test_a_run_that_does_not_notice_its_cancel_is_ended_all_the_same(install: Install) -> None:
    """Its worker is stopped, as a machine that swaps would stop it."""
    installation = install()
    worker = installation.start("worker")
    installation.serve()
    ada = installation.visitor.register()
    execution = ada.execute(ada.agent(SLOW))
    ada.becomes(execution, "running")
    installation.freeze(worker.popen.pid)
    installation.start("worker")
    assert ada.post(f"/executions/{execution}/cancel").status == 202
    cancelled = ada.becomes(execution, "cancelled")
    log = ada.get(f"/executions/{execution}/logs").data["entries"]
    worker.send(signal.SIGCONT)
    worker.stop()
    # What the model was asked is charged whenever that becomes known; everything else stays.
    charged = dict.fromkeys(("usage", "engine_id", "model", "version", "updated_at"))
    assert {**ada.execution(execution), **charged} == {**cancelled, **charged}
    told = installation.rows("SELECT name FROM core_event WHERE subject_id = ? ORDER BY id", execution)
    assert told[-2:] == [("executions.cancelling",), ("executions.cancelled",)]
    assert ada.get(f"/executions/{execution}/logs").data["entries"] == log
