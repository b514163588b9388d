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
