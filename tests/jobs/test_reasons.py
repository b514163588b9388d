"""How a job that cannot succeed now is told: by its reason, without a traceback."""

import pytest
import structlog

from aasim_core.context import system_scope
from aasim_core.jobs.errors import TryAgain
from aasim_core.worker.runner import work_off

from .conftest import Shop


@pytest.mark.parametrize(("error", "lines"), [(TryAgain("the server is away"), 0), (ValueError("odd"), 1)])
def test_only_an_unforeseen_failure_has_a_traceback(shop: Shop, error: Exception, lines: int) -> None:
    def fail(context: object, payload: object) -> None:
        raise error

    shop.offers("mail.send", fail)
    job_id = shop.enqueue("mail.send")
    with structlog.testing.capture_logs() as logged, system_scope("test"):
        work_off(shop.app)
    assert len([line for line in logged if "exc_info" in line]) == lines
    job = shop.job(job_id)
    assert (job.state, job.attempt, str(error) in job.error) == ("queued", 1, True)
