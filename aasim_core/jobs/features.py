"""Whether a job can be done now: what does it is on, for the deployment and for the job's organization, which is not halted."""

from typing import TYPE_CHECKING

from ..context import EVERY_ORGANIZATION

if TYPE_CHECKING:
    from ..app import App


class JobFeatures:
    """Asks the app's feature switches on behalf of jobs, and looks for changes once a second."""

    def __init__(self, app: "App") -> None:
        self._app = app

    def why_off(self, name: str, organization_id: str) -> str | None:
        """Why a job of that name cannot be done for the organization now, or None when it can."""
        job = self._app.jobs.get(name)
        if job is None:
            return f"nothing here does {name}; its plugin is off"
        if organization_id == EVERY_ORGANIZATION or job.plugin == "core":
            return None
        if self.is_halted(name, organization_id):
            return "the organization is halted"
        is_on = self._app.features.allowed_in(organization_id, job.plugin)
        return None if is_on else f"{job.plugin} is off for the organization"

    def is_halted(self, name: str, organization_id: str) -> bool:
        """Whether the job is of those that stop while their organization is halted, and it is."""
        return self._app.jobs[name].halts and self._app.pulse.of(organization_id).is_halted
