"""Which features an organization has: what is on for the deployment, less what somebody switched off for the organization."""

from functools import lru_cache
from typing import TYPE_CHECKING

from ..context import organization_scope
from ..data.records import create
from . import epoch
from .records import FeatureSwitch

if TYPE_CHECKING:
    from ..app import App
    from ..identity.principal import Principal


class Features:
    """Answers, by organization and epoch, whether a plugin's routes are there for a principal."""

    def __init__(self, app: "App", size: int = 1024) -> None:
        self._app = app
        self._off = lru_cache(size)(self._read_off)
        self._asked = lru_cache(size * 16)(self._ask)

    def allowed(self, principal: "Principal", plugin: str) -> bool:
        """Whether `plugin` is on for the principal's organization."""
        return self._is_on(principal.organization_id, principal.authz_epoch, plugin)

    def allowed_in(self, organization_id: str, plugin: str) -> bool:
        """The same for work that no principal asks for; looks for changes once a second."""
        return self._is_on(organization_id, self._app.pulse.of(organization_id).authz_epoch, plugin)

    def _is_on(self, organization_id: str, epoch: int, plugin: str) -> bool:
        return plugin not in self._off(organization_id, epoch) and self._asked(organization_id, epoch, plugin)

    def _read_off(self, organization_id: str, epoch: int) -> frozenset[str]:
        with organization_scope(organization_id):
            query = FeatureSwitch.select(FeatureSwitch.plugin).where(FeatureSwitch.enabled == False)  # noqa: E712 - SQL
            return frozenset(switch.plugin for switch in query)

    def _ask(self, organization_id: str, epoch: int, plugin: str) -> bool:
        return self._app.hook.feature_allowed(app=self._app, organization_id=organization_id, plugin=plugin) is not False


def switch(organization_id: str, plugin: str, enabled: bool) -> None:
    """Switch a plugin on or off for the organization in scope. Needs a transaction; the caller has checked that it may be."""
    changed = FeatureSwitch.update(enabled=enabled).where(FeatureSwitch.plugin == plugin).execute()
    if not changed:
        create(FeatureSwitch, organization_id=organization_id, plugin=plugin, enabled=enabled)
    epoch.bump(organization_id)
