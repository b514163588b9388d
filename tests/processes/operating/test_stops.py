"""How processes stop: what they still answer, and what they do with signals."""

import signal

from ...bench import processes
from ..client import API
from ..conftest import Install
from ..installation import Installation


def test_readiness_ends_before_the_api_stops_to_take_requests(install: Install) -> None:
    installation = install(AASIM_SERVER__DRAIN_SECONDS="12")
    server = installation.serve()
    ada = installation.visitor.register()
    server.send(signal.SIGTERM)
    processes.eventually(lambda: ada.get("/health/ready").status == 503, "the end of readiness")
    assert ada.get("/health/live").status == 200
    assert ada.agent("Done.")
    assert server.popen.wait(120) == 0
    assert not processes.answers(installation.port, f"{API}/health/live")


def test_a_second_request_to_stop_does_not_wait_for_the_balancer(install: Install) -> None:
    installation = install(AASIM_SERVER__DRAIN_SECONDS="300")
    server = installation.serve()
    server.send(signal.SIGTERM)
    processes.eventually(lambda: installation.visitor.get("/health/ready").status == 503, "the end of readiness")
    server.send(signal.SIGINT)
    assert server.popen.wait(120) == 0


def test_a_worker_whose_terminal_is_closed_hands_its_work_back(installation: Installation) -> None:
    installation.serve()
    worker = installation.start("worker", AASIM_WORKER__GRACE_SECONDS="1")
    ada = installation.visitor.register()
    execution = ada.execute(ada.agent({"text": "late", "delay_seconds": 600}))
    ada.becomes(execution, "running")
    assert worker.stop(signal.SIGHUP) == 0
    assert installation.rows("SELECT count(*) FROM core_job WHERE state = 'running' OR crash_count > 0") == [(0,)]
