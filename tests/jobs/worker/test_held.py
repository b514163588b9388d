"""While the installation is held, no job is claimed and nothing becomes due."""

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from aasim_core.context import system_scope
from aasim_core.data import installation
from aasim_core.outbound.egress import Held, refuse_held
from aasim_core.worker.runner import Runner


@pytest.fixture
def held(shop: Any) -> Iterator[Any]:
    """The installation, while it is held."""
    with shop.database.connected(), shop.database.transaction():
        installation.hold()
    yield shop
    resume(shop)


def resume(shop: Any) -> None:
    with shop.database.connected(), shop.database.transaction():
        installation.resume()


def test_no_job_runs_until_the_installation_resumes(held: Any) -> None:
    held.offers("mail.send")
    first = held.enqueue("mail.send")
    with held.open() as worker:
        worker._pool.idle_threads.notify()
        assert worker._pool._turn(worker._pool._threads[0], look_first=False) is False
        assert held.job(first).state == "queued"
        resume(held)
        held.wait_until(lambda: held.job(first).state == "done")


def test_a_call_in_a_running_job_is_refused_and_the_job_is_handed_back(held: Any) -> None:
    def run(context: Any, payload: Mapping[str, Any]) -> None:
        refuse_held()

    held.offers("mail.send", run)
    job_id = held.enqueue("mail.send")
    leases = held.leases()
    with held.database.connected(), system_scope("test"):
        lease = leases.claim()
        assert lease is not None
        Runner(held.app, leases).run(lease)
    assert (held.job(job_id).state, held.job(job_id).attempt) == ("queued", 0)


def test_the_refusal_says_how_to_end_it(held: Any) -> None:
    with pytest.raises(Held, match="aasim resume") as raised:
        refuse_held()
    assert raised.value.status == 503
    resume(held)
    refuse_held()
