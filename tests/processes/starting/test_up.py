"""``aasim up`` beyond its start: what it shows, what a second start leaves alone, and what becomes of running work."""

import json
import re
import shutil
import signal
from pathlib import Path

import pytest

from aasim_plugins.engine_local.fetch import FILE_NAME, fetch

from ...bench import processes
from ..client import Client
from ..conftest import MODEL_DIR, NO_MODEL, Install
from ..installation import Installation, Process, is_alive, kill

READY = "Ctrl-C stops."


@pytest.fixture
def model() -> Path:
    """The embedded model; a test that cannot have it fails with the sentence that says why."""
    path = MODEL_DIR / FILE_NAME
    fetch(path, lambda what, done, whole: None)
    return path


def up(installation: Installation, **settings: str) -> tuple[Process, str]:
    """Start everything; returns the process, and what it had said when it was ready."""
    process = installation.start("up", **settings)
    return process, process.says(READY)


def with_model(install: Install, model: Path, **settings: str) -> Installation:
    """An empty installation with all plugins, which need not fetch the model."""
    installation = install(empty=True, AASIM_PLUGINS__DISABLED="[]", **settings)
    (installation.data / "models").mkdir(parents=True)
    shutil.copy(model, installation.data / "models")
    return installation


def test_the_demonstration_shows_a_workflow_from_the_message_to_the_log_and_ends(install: Install, model: Path) -> None:
    installation = with_model(install, model)
    done = installation.run("up", "--demo")
    assert (done.returncode, done.stderr) == (0, "")
    steps = dict(re.findall(r"^  (read|refund|answer|budget|log) +(\S.*)$", done.stdout, re.MULTILINE))
    assert list(steps) == ["read", "refund", "answer", "budget", "log"]
    [answer] = re.findall(r"\{.*\}", steps["read"])
    assert json.loads(answer) == {"name": "Grace Hopper", "city": "Boston", "order_number": 4711}
    assert "Grace Hopper" in steps["answer"] and "order 4711" in steps["answer"]
    assert re.match(r"[1-9]\d* of 100000 tokens", steps["budget"])
    assert re.search(r"admin@example\.com +hitl_approvals\.approved", steps["log"])
    runs = installation.rows("SELECT status FROM executions_execution")
    assert {status for (status,) in runs} == {"succeeded"}
    assert not processes.answers(installation.port)
    assert not [promise for promise in ("Ctrl-C", "/docs", "curl") if promise in done.stdout]


def test_a_second_demonstration_uses_the_samples_of_the_first(install: Install, model: Path) -> None:
    installation = with_model(install, model)
    for _ in range(2):
        assert installation.run("up", "--demo").returncode == 0
    for table in ("agents_agent", "budgets_budget", "hitl_approvals_policy", "workflows_workflow"):
        assert installation.rows(f"SELECT count(*) FROM {table}") == [(1,)], table  # noqa: S608 - our own names


def test_the_session_of_a_demonstration_ends_with_it(install: Install, model: Path) -> None:
    installation = with_model(install, model)
    assert installation.run("up", "--demo").returncode == 0
    assert installation.rows("SELECT status, end_reason FROM core_session") == [("terminated", "demonstration_over")]


def test_without_its_plugin_there_is_no_demonstration(install: Install) -> None:
    done = install(empty=True).run("up", "--demo")
    assert done.returncode == 69
    assert "turn on demo, with what it requires and uses" in done.stderr


def test_a_stop_ends_the_demonstration(install: Install, model: Path) -> None:
    """Whose worker does not get to it."""
    hasty = {"AASIM_WORKER__GRACE_SECONDS": "1", "AASIM_SERVER__GRACEFUL_TIMEOUT_SECONDS": "1"}
    installation = with_model(install, model, **hasty)
    process = installation.start("up", "--demo")
    processes.eventually(lambda: "worker" in process.children(), "the start of the worker", seconds=120)
    installation.freeze(process.children()["worker"])
    process.says("A customer writes:")
    assert process.stop(signal.SIGINT) == 0


def test_a_worker_that_cannot_start_ends_everything_with_its_own_sentence(install: Install) -> None:
    installation = install()
    (installation.data / "queue.db").write_bytes(b"This was a queue." * 1000)
    done = installation.run("up")
    assert done.returncode == 74
    assert "queue.db cannot be used (file is not a database)" in done.stderr


def test_what_the_processes_log_stays_out_of_what_up_says_unless_it_is_a_warning(install: Install) -> None:
    installation = install(empty=True, AASIM_QUEUE_URL="redis://127.0.0.1:9/0")
    process, _ = up(installation)
    process.says("cannot listen for notifications")
    assert installation.visitor.get("/agents").status == 401
    assert process.stop(signal.SIGINT) == 0
    levels = set(re.findall(r'"level":"(\w+)"', process.output))
    assert levels <= {"warning", "error"}, process.output


def test_what_somebody_wants_to_see_is_shown(install: Install) -> None:
    installation = install(empty=True, AASIM_LOG__LEVEL="debug")
    process, _ = up(installation)
    process.says('"route":"/api/v1/health/ready"')
    assert process.stop(signal.SIGINT) == 0


def test_a_password_is_shown_also_where_the_rest_of_the_first_start_fails(install: Install) -> None:
    installation = install(empty=True, AASIM_PLUGINS__DISABLED="[]", AASIM_ENGINE_LOCAL__MODEL_PATH="/nowhere/model.gguf")
    done = installation.run("up")
    assert done.returncode == 78
    [password] = re.findall(r"Password +(\S+)", done.stdout)
    process, said = up(installation, **NO_MODEL)
    assert "Password" not in said
    log_in(installation, password)
    assert process.stop() == 0


def test_a_second_start_changes_nothing(install: Install) -> None:
    installation = install(empty=True)
    first, said = up(installation)
    [password] = re.findall(r"Password +(\S+)", said)
    ada = log_in(installation, password)
    agents = ada.get("/agents").data
    assert first.stop(signal.SIGINT) == 0
    before = contents(installation)
    second, said = up(installation)
    assert "Password" not in said and password not in said
    assert second.stop(signal.SIGINT) == 0
    assert contents(installation) == before
    installation.serve()
    assert log_in(installation, password).get("/agents").data == agents


def log_in(installation: Installation, password: str) -> Client:
    """The first administrator."""
    visitor = installation.visitor
    visitor.token = visitor.post("/auth/login", {"email": "admin@example.com", "password": password}).data["access_token"]
    return visitor


def contents(installation: Installation) -> dict[str, list[object]]:
    """What people made, and who they are."""
    tables = (
        "core_user",
        "core_membership",
        "core_organization",
        "core_node",
        "agents_agent",
        "engines_engine",
        "core_migration",
    )
    return {table: list(installation.rows(f"SELECT * FROM {table} ORDER BY 1")) for table in tables}  # noqa: S608 - our own names


def test_running_work_is_finished_or_handed_back_at_ctrl_c_and_goes_on_at_the_next_start(install: Install) -> None:
    installation = install(empty=True, AASIM_WORKER__GRACE_SECONDS="4")
    first, _ = up(installation)
    ada = installation.visitor.register()
    slow = ada.execute(ada.agent({"text": "Done.", "delay_seconds": 20}))
    ada.becomes(slow, "running")
    quick = ada.execute(ada.agent({"text": "Done.", "delay_seconds": 0.5}))
    ada.becomes(quick, "running", "succeeded")
    assert first.stop(signal.SIGINT) == 0
    assert not processes.answers(installation.port)
    jobs = "SELECT state, attempt, crash_count FROM core_job WHERE name = 'executions.turn' ORDER BY id"
    assert installation.rows(jobs) == [("queued", 0, 0), ("done", 1, 0)]
    second, _ = up(installation)
    assert ada.becomes(slow, "succeeded")["output"] == "Done."
    assert ada.execution(quick)["status"] == "succeeded"
    assert second.stop(signal.SIGINT) == 0


def test_a_killed_worker_comes_back_and_goes_on_with_its_run(install: Install) -> None:
    installation = install(empty=True)
    process, _ = up(installation)
    ada = installation.visitor.register()
    execution = ada.execute(ada.agent({"text": "Done.", "delay_seconds": 8}))
    ada.becomes(execution, "running")
    kill(process.children()["worker"])
    process.says("worker was ended by SIGKILL; it is started again in 0.5 s")
    assert ada.becomes(execution, "succeeded")["output"] == "Done."
    assert process.stop(signal.SIGINT) == 0


def test_when_up_itself_is_killed_its_processes_end_and_leave_the_port_free(install: Install) -> None:
    installation = install(empty=True)
    process, _ = up(installation)
    children = process.children()
    assert set(children) == {"serve", "worker"}
    kill(process.popen.pid)
    process.popen.wait()
    processes.eventually(lambda: not any(map(is_alive, children.values())), "the end of the processes")
    second, _ = up(installation)
    assert second.stop() == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stop_while_everything_is_prepared_leaves_nothing_running(install: Install, number: signal.Signals) -> None:
    offline = {"PIP_INDEX_URL": "http://127.0.0.1:9/simple", "PIP_RETRIES": "20", "PIP_NO_CACHE_DIR": "1"}
    installation = install(empty=True, AASIM_PLUGINS__DISABLED="[]")
    process = installation.start("up", **offline)
    process.says("downloading the model")
    download = processes.children(process.popen.pid)
    assert download
    assert process.stop(number) == 1
    processes.eventually(lambda: not any(map(is_alive, download)), "the end of the download")
    assert "Traceback" not in process.output
    assert list((installation.data / "models").glob(".fetch-*")) == []
