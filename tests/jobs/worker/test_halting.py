"""Jobs that stop while their organization is halted."""

import threading
from collections.abc import Mapping
from typing import Any

import pytest

from aasim_core.clock import now
from aasim_core.context import system_scope
from aasim_core.data.records import create
from aasim_core.tenancy.records import Organization

from ..conftest import heard


def _halt(shop: Any, organization_id: str, *, halted: bool) -> None:
    with system_scope("test"), shop.database.transaction():
        Organization.update(halted_at=now() if halted else None).where(Organization.id == organization_id).execute()


def _organization(shop: Any) -> str:
    with system_scope("test"), shop.database.transaction():
        return str(create(Organization, name="Acme", slug="acme").id)


def test_a_job_that_halts_is_parked_until_its_organization_goes_on(shop: Any) -> None:
    shop.offers("mail.send", halts=True)
    acme = _organization(shop)
    _halt(shop, acme, halted=True)
    with shop.open():
        job_id = shop.enqueue("mail.send", organization=acme)
    assert (shop.job(job_id).state, shop.job(job_id).error) == ("parked", "the organization is halted")
    _halt(shop, acme, halted=False)
    with shop.open():
        shop.wait_until(lambda: shop.job(job_id).state == "done")


def test_a_job_that_does_not_halt_is_done_all_the_same(shop: Any) -> None:
    acme = _organization(shop)
    _halt(shop, acme, halted=True)
    with shop.open():
        job_id = shop.enqueue("mail.send", organization=acme)
    assert shop.job(job_id).state == "done"


@pytest.mark.long
def test_a_running_job_is_told_within_moments_that_its_organization_is_halted(shop: Any, told: Any) -> None:
    def run(context: Any, payload: Mapping[str, Any]) -> None:
        told.put("began")
        while not context.should_stop():
            threading.Event().wait(0.01)
        told.put("stopped")
        context.hand_back()

    shop.offers("mail.send", run, halts=True)
    acme = _organization(shop)
    with shop.open():
        job_id = shop.enqueue("mail.send", organization=acme)
        assert heard(told) == "began"
        _halt(shop, acme, halted=True)
        assert heard(told) == "stopped"
    assert (shop.job(job_id).state, shop.job(job_id).crash_count) == ("parked", 0)
