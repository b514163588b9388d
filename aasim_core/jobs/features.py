"""Whether what does a job is turned on, for the deployment and for the job's organization."""

import time
from typing import TYPE_CHECKING, Any, NamedTuple

from ..access.records import Organization
from ..context import EVERY_ORGANIZATION

if TYPE_CHECKING:
    from ..app import App

_TRUSTED_SECONDS = 1.0


class _Place(NamedTuple):
    """What the answer depends on, as a principal has it."""

    organization_id: str
    authz_epoch: int


class JobFeatures:
    """Asks the app's feature switches on behalf of jobs, and looks for changes once a second."""

    def __init__(self, app: "App") -> None:
        self._app = app
        self._epochs: dict[str, tuple[float, int]] = {}

    def why_off(self, name: str, organization_id: str) -> str | None:
        """Why a job of that name cannot be done for the organization now, or None when it can."""
        job = self._app.jobs.get(name)
        if job is None:
            return f"nothing here does {name}; its plugin is off"
        if organization_id == EVERY_ORGANIZATION or job.plugin == "core":
            return None
        place: Any = _Place(organization_id, self._epoch(organization_id))
        return None if self._app.features.allowed(place, job.plugin) else f"{job.plugin} is off for the organization"

    def _epoch(self, organization_id: str) -> int:
        read_at, epoch = self._epochs.get(organization_id, (0.0, 0))
        if time.monotonic() - read_at < _TRUSTED_SECONDS:
            return epoch
        if len(self._epochs) > 10_000:
            self._epochs.clear()
        row = Organization.select(Organization.authz_epoch).where(Organization.id == organization_id).tuples().first()
        epoch = row[0] if row else 0
        self._epochs[organization_id] = time.monotonic(), epoch
        return epoch
