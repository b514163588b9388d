"""Claiming jobs as a worker does."""

from aasim_core.jobs.lease import Lease
from aasim_core.jobs.leases import Leases


def claim(leases: Leases) -> Lease:
    """Claim a job that must be there."""
    lease = leases.claim()
    assert lease is not None
    return lease


def claim_all(leases: Leases) -> list[str]:
    """Claim until there is nothing more; returns the words of the payloads."""
    words = []
    while lease := leases.claim():
        words.append(lease.read_payload()["word"])
    return words


def a_quarter_of_a_second_later(leases: Leases) -> None:
    """Let the next claim find out where jobs wait, as it does after this time."""
    leases._claims._survey_at = leases._claims._range._full_at = 0.0
