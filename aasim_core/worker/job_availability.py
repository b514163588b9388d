"""The availability of a job: its plugin is enabled for the deployment and the organization, which is not halted."""

from typing import TYPE_CHECKING

from .. import processes
from ..context import EVERY_ORGANIZATION

if TYPE_CHECKING:
    from ..app import App


class JobFeatures:
    """Queries the app's feature switches for jobs, and refreshes them once a second."""

    def __init__(self, app: "App") -> None:
        self._app = app

    def is_known(self, name: str, plugin: str) -> bool:
        """Return whether this process can run such a job, or knows the disabled plugin; otherwise a worker of another version runs it."""
        job, find = self._app.jobs.get(name), self._app.plugins.find
        if job is None:
            owner = find(name.partition(".")[0])
            return owner is not None and owner.state != "on"
        if plugin in ("core", job.plugin) or find(plugin) is not None:
            return True
        return not (job.parks or self._is_elsewhere(plugin))

    def _is_elsewhere(self, plugin: str) -> bool:
        """Return whether the plugin is enabled in a process of another version that is alive."""
        return any(process.is_alive and plugin in process.row.plugins for process in processes.seen(self._app.database))

    def why_off(self, name: str, plugin: str, organization_id: str) -> str | None:
        """Return why a job of that name, run for `plugin`, cannot run for the organization now, or None when it can."""
        job = self._app.jobs.get(name)
        if job is None:
            return f"no enabled plugin handles {name}"
        plugin = plugin if job.parks else job.plugin
        if plugin == "core":
            return None
        if plugin != job.plugin and not self._app.plugins.is_on(plugin):
            return f"{plugin} is off"
        if organization_id == EVERY_ORGANIZATION:
            return None
        if self.is_halted(name, organization_id):
            return "the organization is halted"
        return None if self.is_on(plugin, organization_id) else f"{plugin} is off for the organization"

    def is_on(self, plugin: str, organization_id: str) -> bool:
        """Return whether the plugin is enabled for the organization."""
        return self._app.features.allowed_in(organization_id, plugin)

    def is_halted(self, name: str, organization_id: str) -> bool:
        """Return whether the job stops while its organization is halted, and it is."""
        return self._app.jobs[name].halts and self._app.organization_states.of(organization_id).is_halted
