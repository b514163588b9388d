"""What happens to jobs in the life of a worker: parked, cancelled, overdue, drained, alone, cut off."""

import threading
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

import pytest

from aasim_core.clock import now
from aasim_core.context import current_scope, organization_scope, system_scope
from aasim_core.data.records import create
from aasim_core.hookspecs import hookimpl
from aasim_core.jobs import LeaseLost, Retry, enqueue
from aasim_core.jobs.records import JobRow
from aasim_core.tenancy import feature_switches as features
from aasim_core.tenancy.records import Organization

from ..conftest import heard

pytestmark = pytest.mark.long

Context = Any
Payload = Mapping[str, Any]


def test_a_job_whose_plugin_is_off_is_parked_until_it_is_on_again(shop: Any) -> None:
    job_id = shop.enqueue("mail.send")
    job = shop.jobs.pop("mail.send")
    with shop.open():
        pass
    assert (shop.job(job_id).state, shop.job(job_id).attempt) == ("parked", 0)
    assert shop.job(job_id).error == "no enabled plugin handles mail.send"
    shop.jobs["mail.send"] = job
    with shop.open():
        shop.wait_until(lambda: shop.job(job_id).state == "done")
    assert shop.job(job_id).error is None


def test_a_job_of_a_feature_that_is_off_for_the_organization_is_parked(shop: Any) -> None:
    with system_scope("test"), shop.database.transaction():
        acme = create(Organization, name="Acme", slug="acme").id
    with organization_scope(acme), shop.database.transaction():
        features.switch(acme, "mail", enabled=False)
    with shop.open():
        job_id = shop.enqueue("mail.send", organization=acme)
        of_another = shop.enqueue("mail.send")
    assert (shop.job(job_id).state, shop.job(of_another).state) == ("parked", "done")
    assert shop.job(job_id).error == "mail is off for the organization"
    with organization_scope(acme), shop.database.transaction():
        features.switch(acme, "mail", enabled=True)
    with shop.open():
        shop.wait_until(lambda: shop.job(job_id).state == "done")


def test_a_job_that_is_done_for_another_plugin_is_parked_while_that_is_off(shop: Any) -> None:
    with shop.open():
        job_id = shop.enqueue("core.deliver", plugin="gone")
    assert (shop.job(job_id).state, shop.job(job_id).error) == ("parked", "gone is off")


def test_a_job_per_organization_is_done_where_its_plugin_is_on(shop: Any, told: Any) -> None:
    with system_scope("test"), shop.database.transaction():
        acme, umbrella, house = (create(Organization, name=slug, slug=slug).id for slug in ("acme", "umbrella", "house"))
    with organization_scope(umbrella), shop.database.transaction():
        features.switch(umbrella, "mail", enabled=False)

    def tidy(context: Context, payload: Payload) -> None:
        told.put(current_scope())
        if current_scope() == acme:
            raise ValueError

    shop.offers("mail.tidy", tidy, retry=Retry(max_attempts=1), per_organization=lambda: [acme, umbrella, house])
    with shop.open(), system_scope("test"), shop.database.transaction():
        enqueue("mail.tidy", {})
    assert (heard(told), heard(told), told.empty()) == (acme, house, True)
    assert shop.states() == ["failed"]


def test_a_job_per_organization_verifies_its_lease_with_what_it_writes_in_each(shop: Any, told: Any) -> None:
    with system_scope("test"), shop.database.transaction():
        acme = create(Organization, name="acme", slug="acme").id

    def tidy(context: Context, payload: Payload) -> None:
        with shop.database.transaction():
            Organization.update(name="tidied").where(Organization.id == acme).execute()
            context.fence()
        context.checkpoint()

    shop.offers("mail.tidy", tidy, per_organization=lambda: [acme])
    with shop.open(), system_scope("test"), shop.database.transaction():
        enqueue("mail.tidy", {})
    with system_scope("test"):
        assert (shop.states(), Organization.get_by_id(acme).name) == (["done"], "tidied")


def test_a_job_per_organization_that_ends_itself_in_one_is_told_that_it_ends_with_the_last(shop: Any) -> None:
    with system_scope("test"), shop.database.transaction():
        acme = create(Organization, name="acme", slug="acme").id
    shop.offers(
        "mail.tidy", lambda context, payload: context.complete(), retry=Retry(max_attempts=1), per_organization=lambda: [acme]
    )
    with shop.open(), system_scope("test"), shop.database.transaction():
        job_id = enqueue("mail.tidy", {})
    assert shop.job(job_id).state == "failed"
    assert "leave out context.complete() and context.hand_back(), or call context.fence()" in shop.job(job_id).error


def test_an_attempt_has_failed_when_nobody_can_say_whether_its_plugin_is_on(shop: Any) -> None:
    class Broken:
        @hookimpl
        def feature_allowed(self, app: Any, organization_id: str, plugin: str) -> None:
            raise ValueError("no plan")

    shop.plugins.register(Broken())
    shop.offers("mail.send", retry=Retry(max_attempts=1))
    with shop.open():
        job_id = shop.enqueue("mail.send")
    assert shop.job(job_id).state == "failed"
    assert shop.job(job_id).error.startswith("ValueError: no plan")


def test_a_running_job_is_told_when_it_was_cancelled_and_writes_nothing_more(shop: Any, told: Any) -> None:
    def wait(context: Context, payload: Payload) -> None:
        told.put("began")
        while not context.should_stop():
            threading.Event().wait(0.01)
        try:
            context.complete()
        except LeaseLost:
            told.put("lost")
            raise

    shop.offers("mail.send", wait)
    with shop.open():
        job_id = shop.enqueue("mail.send")
        assert heard(told) == "began"
        with system_scope("test"), shop.database.transaction():
            JobRow.update(state="cancelled").where(JobRow.id == job_id).execute()
        assert heard(told) == "lost"
    assert shop.job(job_id).state == "cancelled"


@pytest.mark.parametrize("flags", [{"worker.threads": 1}])
def test_a_job_whose_time_is_up_fails_and_others_go_on_without_its_thread(shop: Any, told: Any) -> None:
    release = threading.Event()

    def hang(context: Context, payload: Payload) -> None:
        release.wait(60)
        try:
            context.complete()
        except LeaseLost:
            told.put("lost")
            raise

    shop.offers("mail.send", hang, retry=Retry(max_attempts=1), time_limit=0.1)
    shop.offers("mail.sort", lambda context, payload: told.put("sorted"))
    with shop.open():
        job_id = shop.enqueue("mail.send")
        shop.enqueue("mail.sort")
        assert heard(told) == "sorted"
        shop.wait_until(lambda: shop.job(job_id).state == "failed")
        assert shop.job(job_id).error == "it took longer than its time limit of 0.1 seconds"
        release.set()
        assert heard(told) == "lost"
    assert shop.states() == ["failed", "done"]


@pytest.mark.parametrize("flags", [{"worker.threads": 1, "worker.grace_seconds": 1}])
def test_a_drained_worker_hands_back_what_does_not_end_in_time(shop: Any, told: Any) -> None:
    release = threading.Event()
    shop.offers("mail.send", lambda context, payload: (told.put("began"), release.wait(60)))
    with shop.open() as worker:
        job_id = shop.enqueue("mail.send")
        heard(told)
        assert worker.drain() is False
        job = shop.job(job_id)
        assert (job.state, job.attempt, job.crash_count) == ("queued", 0, 0)
        release.set()


def test_a_drained_worker_waits_for_what_ends_in_time_and_claims_nothing_more(shop: Any, told: Any) -> None:
    def finish(context: Context, payload: Payload) -> None:
        told.put("began")
        while not context.should_stop():
            threading.Event().wait(0.01)

    shop.offers("mail.send", finish)
    with shop.open() as worker:
        job_id = shop.enqueue("mail.send")
        heard(told)
        assert worker.drain() is True
        late = shop.enqueue("mail.send")
    assert (shop.job(job_id).state, shop.job(late).state) == ("done", "queued")


def test_a_job_that_crashed_its_worker_twice_runs_alone(shop: Any, told: Any) -> None:
    release = threading.Event()
    suspect_done = threading.Event()
    shop.offers("mail.send", lambda context, payload: (told.put("neighbour"), release.wait(60)))
    shop.offers("mail.sort", lambda context, payload: (told.put("suspect"), suspect_done.set()))
    suspect = shop.enqueue("mail.sort", run_at=now() + timedelta(hours=1))
    with shop.open():
        shop.enqueue("mail.send")
        assert heard(told) == "neighbour"
        with system_scope("test"), shop.database.transaction():
            JobRow.update(crash_count=2, delayed=False).where(JobRow.id == suspect).execute()
        shop.app.notifier.notify()
        assert not suspect_done.wait(1.5)
        release.set()
        assert heard(told) == "suspect"
    assert shop.states() == ["done", "done"]


@pytest.mark.parametrize("flags", [{"worker.poll_seconds": 0.2}])
def test_a_job_whose_ring_was_lost_is_found(shop: Any, told: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shop.app.notifier, "notify", lambda: None)
    shop.offers("mail.send", lambda context, payload: told.put("done"))
    with shop.open():
        for _ in range(3):
            shop.enqueue("mail.send")
            assert heard(told) == "done"


def test_a_delayed_job_is_done_when_its_time_has_come(shop: Any, told: Any) -> None:
    shop.offers("mail.send", lambda context, payload: told.put(now()))
    due = now() + timedelta(seconds=1)
    with shop.open():
        shop.enqueue("mail.send", run_at=due)
        assert heard(told) >= due


def test_a_lease_that_no_thread_holds_is_given_back(shop: Any, told: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """As it is after a claim whose answer got lost on its way from the database."""
    monkeypatch.setattr("aasim_core.worker.pool.ORPHAN_SECONDS", 0.1)
    monkeypatch.setattr("aasim_core.process.worker._TAKE_OVER_SECONDS", 0.1)
    shop.offers("mail.send", lambda context, payload: told.put("done"))
    job_id = shop.enqueue("mail.send", run_at=now() + timedelta(hours=1))
    with shop.open() as worker:
        with system_scope("test"), shop.database.transaction():
            JobRow.update(state="running", lease_owner=worker.name, lease_token="lost", delayed=False).where(
                JobRow.id == job_id
            ).execute()
        assert heard(told) == "done"
    assert shop.job(job_id).attempt == 0 or shop.job(job_id).state == "done"


@pytest.fixture
def cut_off(postgres_server: Any, database_url: str) -> Callable[[], None]:
    """Ends every connection to the test's database."""
    name = database_url.rpartition("/")[2]
    query = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s AND pid <> pg_backend_pid()"
    return lambda: postgres_server.connection.execute(query, (name,))


@pytest.mark.parametrize("databases", [pytest.param("postgresql", marks=pytest.mark.postgres)], indirect=True)
def test_a_worker_goes_on_after_it_lost_its_connections(shop: Any, told: Any, cut_off: Callable[[], None]) -> None:
    shop.offers("mail.send", lambda context, payload: told.put("done"))
    with shop.open():
        shop.enqueue("mail.send")
        assert heard(told) == "done"
        shop.database.close_all()
        cut_off()
        with shop.database.connected():
            shop.enqueue("mail.send")
        assert heard(told) == "done"


@pytest.mark.parametrize("databases", [pytest.param("postgresql", marks=pytest.mark.postgres)], indirect=True)
def test_the_end_of_a_job_is_written_though_the_connection_was_lost_meanwhile(
    shop: Any, told: Any, cut_off: Callable[[], None]
) -> None:
    shop.offers("mail.send", lambda context, payload: (cut_off(), told.put(context.attempt)))
    with shop.open():
        job_id = shop.enqueue("mail.send")
        assert heard(told) == 1
        shop.database.close_all()
        with shop.database.connected():
            shop.wait_until(lambda: shop.job(job_id).state == "done")
    assert told.empty(), "it was done once"
