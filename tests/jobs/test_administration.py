"""What operators do about jobs, by function and by command."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from aasim_core.clock import now
from aasim_core.commands.jobs import group
from aasim_core.context import system_scope
from aasim_core.data.migrator.runner import CORE, Source
from aasim_core.errors import Refused
from aasim_core.jobs import administration
from aasim_core.jobs.records import JobRow
from aasim_core.settings import Settings

from .conftest import UMBRELLA, Shop


@pytest.fixture(scope="session")
def migration_sources() -> Sequence[Source]:
    """The core's own."""
    return [Source("core", CORE)]


@pytest.fixture(autouse=True)
def _as_an_operator() -> Iterator[None]:
    with system_scope("test"):
        yield


def job_in(shop: Shop, state: str, name: str = "mail.send", **options: Any) -> str:
    """A job in that state."""
    job_id = shop.enqueue(name, **options)
    with shop.database.transaction():
        values = {"state": state, "attempt": 5, "crash_count": 3, "error": "no answer", "finished_at": now()}
        JobRow.update(values).where(JobRow.id == job_id).execute()
    return job_id


def test_jobs_are_found_by_state_kind_plugin_and_organization(shop: Shop) -> None:
    dead, queued = job_in(shop, "dead"), shop.enqueue("mail.sort")
    other = shop.enqueue("sms.send", organization=UMBRELLA)
    assert [job.id for job in administration.find_jobs()] == [other, queued, dead]
    assert [job.id for job in administration.find_jobs(state="dead")] == [dead]
    assert [job.id for job in administration.find_jobs(name="mail")] == [queued, dead]
    assert [job.id for job in administration.find_jobs(name="mail.sort")] == [queued]
    assert [job.id for job in administration.find_jobs(organization_id=UMBRELLA)] == [other]
    assert [job.id for job in administration.find_jobs(limit=1)] == [other]
    assert administration.count_jobs() == {"dead": 1, "queued": 2}


def test_a_plugin_has_its_own_jobs_and_those_that_run_for_it(shop: Shop) -> None:
    own, for_it, _ = (
        shop.enqueue("mail.send", plugin="gone"),
        shop.enqueue("gone.send", plugin="mail"),
        shop.enqueue("mailing.send"),
    )
    assert [job.id for job in administration.find_jobs(name="mail")] == [for_it, own]


def test_a_state_that_is_none_is_refused(shop: Shop) -> None:
    with pytest.raises(Refused, match=r"There is no state 'asleep'; use one of queued"):
        administration.find_jobs(state="asleep")


@pytest.mark.parametrize("state", ["failed", "dead", "cancelled"])
def test_a_job_that_is_over_can_be_tried_again_as_if_it_were_new(shop: Shop, state: str) -> None:
    job = administration.retry(job_in(shop, state))
    assert (job.state, job.attempt, job.crash_count, job.error, job.finished_at) == ("queued", 0, 0, None, None)


@pytest.mark.parametrize("state", ["queued", "running", "done", "parked"])
def test_no_other_job_can_be_tried_again(shop: Shop, state: str) -> None:
    with pytest.raises(Refused, match=f"this one is {state}"):
        administration.retry(job_in(shop, state))


@pytest.mark.parametrize("state", ["queued", "running", "parked"])
def test_a_job_that_is_not_over_can_be_cancelled(shop: Shop, state: str) -> None:
    job = administration.cancel(job_in(shop, state))
    assert (job.state, job.error) == ("cancelled", "it was cancelled")


def test_a_job_that_is_over_cannot_be_cancelled(shop: Shop) -> None:
    with pytest.raises(Refused, match="this one is done"):
        administration.cancel(job_in(shop, "done"))


@pytest.mark.parametrize("state", ["failed", "dead", "cancelled", "parked"])
def test_a_job_that_will_not_run_can_be_discarded(shop: Shop, state: str) -> None:
    administration.discard(job_in(shop, state))
    assert shop.states() == []


@pytest.mark.parametrize("state", ["queued", "running", "done"])
def test_a_job_that_may_run_cannot_be_discarded(shop: Shop, state: str) -> None:
    with pytest.raises(Refused, match=f"this one is {state}"):
        administration.discard(job_in(shop, state))


@pytest.mark.parametrize("decide", [administration.retry, administration.cancel, administration.discard])
def test_a_job_that_is_not_there_is_not_found(shop: Shop, decide: Any) -> None:
    with pytest.raises(Refused) as refusal:
        decide("job_nowhere")
    assert refusal.value.code == "not_found"


@pytest.fixture
def aasim(shop: Shop, database_url: str, app_role: str | None, tmp_path: Path, root: Path) -> Any:
    """``aasim jobs …`` on the shop's database."""
    bundled = [path.parent.name for path in (root / "plugins").glob("*/__init__.py") if "essential=True" not in path.read_text()]
    flags = {"data_dir": str(tmp_path), "database.url": database_url, "plugins.disabled": bundled}
    settings = Settings.load(flags | ({"database.app_role": app_role} if app_role else {}), environ={})

    def call(*arguments: str, answer: str | None = None) -> Result:
        result = CliRunner().invoke(group, arguments, obj=settings, input=answer)
        shop.bind()
        return result

    return call


def test_list_shows_jobs_and_counts(shop: Shop, aasim: Any) -> None:
    job_id = job_in(shop, "dead")
    shop.enqueue("mail.sort")
    output = aasim("list").output
    assert job_id in output
    assert "no answer" in output
    assert "1 queued, 1 dead" in output
    assert "mail.sort" not in aasim("list", "--state", "dead").output


def test_show_shows_everything_about_a_job(shop: Shop, aasim: Any) -> None:
    output = aasim("show", shop.enqueue("mail.send", {"to": "bob"})).output
    assert '{"to":"bob"}' in output
    assert "max_attempts" in output


def test_retry_takes_ids_or_a_state(shop: Shop, aasim: Any) -> None:
    first, *_ = [job_in(shop, "dead") for _ in range(3)]
    assert aasim("retry", first).output == "1 put back into the queue.\n"
    assert shop.states() == ["queued", "dead", "dead"]
    assert aasim("retry", "--state", "dead", "--name", "mail").output == "2 put back into the queue.\n"
    assert shop.states() == ["queued"] * 3


def test_discard_asks_first(shop: Shop, aasim: Any) -> None:
    job_in(shop, "dead")
    assert "Aborted" in aasim("discard", "--state", "dead", answer="n\n").output
    assert shop.states() == ["dead"]
    assert aasim("discard", "--state", "dead", "--yes").output == "1 deleted.\n"
    assert shop.states() == []


@pytest.mark.parametrize("decide", ["retry", "discard"])
def test_jobs_about_which_nothing_can_be_decided_do_not_stop_the_others(shop: Shop, aasim: Any, decide: str) -> None:
    waiting, first, last = shop.enqueue("mail.send"), job_in(shop, "dead"), job_in(shop, "dead")
    result = aasim(decide, first, waiting, "job_of_nobody", last, *(["--yes"] if decide == "discard" else []))
    assert result.output.startswith("2 ")
    assert [problem.partition(":")[0] for problem in result.exception.problems] == [waiting, "job_of_nobody"]
    assert "dead" not in shop.states()


def test_whoever_does_not_say_which_jobs_is_told_how(shop: Shop, aasim: Any) -> None:
    result = aasim("retry")
    assert result.exit_code == 2
    assert "Say which jobs: by their ids, or by --state failed" in result.output


def test_schedules_shows_what_runs_by_itself(shop: Shop, aasim: Any) -> None:
    output = aasim("schedules").output
    assert "core.prune_jobs" in output
    assert "*/10 * * * *" in output
