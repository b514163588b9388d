"""The plugins of an organization: those enabled for the installation, except those disabled for the organization."""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Protocol

from ..context import current_organization, organization_scope
from ..data.records import create
from . import epoch
from .organization_state import OrganizationStates, by_epoch
from .records import FeatureSwitch

if TYPE_CHECKING:
    from .principal import Caller


class PluginsOn(Protocol):
    """The plugins enabled for the installation."""

    def is_on(self, name: str) -> bool:
        """Return whether the plugin is enabled for the installation."""

    def needs_of(self, name: str) -> frozenset[str]:
        """Return the plugin and all that it requires, directly or indirectly."""


class Features:
    """Decides, by organization and epoch, whether a plugin is enabled.

    A plugin is disabled for an organization if an owner switched it off there, if a plugin says so in the hook `feature_allowed`, or if one
    that it requires is disabled there. A disabled plugin does nothing: its routes answer 404 ``feature_disabled``, its contributions to
    other plugins' hooks are not used, its listeners are not called, and its jobs and deliveries are parked.

    `plugins` returns those enabled for the installation, and `ask(organization_id, plugin)` the answers of the hook.
    """

    def __init__(
        self,
        plugins: Callable[[], PluginsOn],
        states: OrganizationStates,
        ask: Callable[[str, str], Iterable[object]],
        size: int = 1024,
    ) -> None:
        self._plugins, self._states, self._answers = plugins, states, ask
        self._off = by_epoch(self._read_off, size)
        self._refused = by_epoch(self._ask, size * 16)
        self._on = by_epoch(self._find_out, size * 16)

    def is_here(self, plugin: str) -> bool:
        """Return whether `plugin` is enabled for the organization in scope; raises `NoScope` without one."""
        return self._plugins().is_on(plugin) and self.allowed_in(current_organization(), plugin)

    def allowed(self, caller: "Caller", plugin: str) -> bool:
        """Return whether `plugin`, which is enabled for the installation, is enabled for the caller's organization."""
        return self._on(caller.organization_id, caller.authz_epoch, plugin)

    def reason(self, caller: "Caller", plugin: str) -> str:
        """Return the plugins' reasons for disabling it for the caller's organization; empty if none was given."""
        return self._reason(caller.organization_id, caller.authz_epoch, plugin)

    def explain_off(self, plugin: str, what: str) -> str:
        """Return the error text for naming `what`, contributed by a plugin that is disabled for the organization in scope: why, or what
        to do."""
        off = f"The plugin {plugin}, which brings {what}, is off for the organization"
        organization_id = current_organization()
        if reason := self._reason(organization_id, self.epoch_of(organization_id), plugin):
            return f"{off}. {reason}"
        return f"{off}; an owner can switch it on with PUT /plugins/{plugin}/organizations/{{organization_id}}."

    def _reason(self, organization_id: str, epoch: int, plugin: str) -> str:
        refused = (self._refused(organization_id, epoch, each) for each in self._plugins().needs_of(plugin))
        return " ".join(sorted(filter(None, refused)))

    def allowed_in(self, organization_id: str, plugin: str) -> bool:
        """Return the same for any organization; refreshes once a second."""
        return self._on(organization_id, self.epoch_of(organization_id), plugin)

    def epoch_of(self, organization_id: str) -> int:
        """Return the key of cached answers about the organization: it changes with each switch."""
        return self._states.epoch_of(organization_id)

    def _find_out(self, organization_id: str, epoch: int, plugin: str) -> bool:
        off, needed = self._off(organization_id, epoch), self._plugins().needs_of(plugin)
        return off.isdisjoint(needed) and all(self._refused(organization_id, epoch, each) is None for each in sorted(needed))

    def _read_off(self, organization_id: str, epoch: int) -> frozenset[str]:
        with organization_scope(organization_id):
            query = FeatureSwitch.select(FeatureSwitch.plugin).where(FeatureSwitch.enabled == False)  # noqa: E712 - SQL
            return frozenset(switch.plugin for switch in query)

    def _ask(self, organization_id: str, epoch: int, plugin: str) -> str | None:
        """Return a plugin's reason for disabling it, empty if it gave none; None where no plugin disables it."""
        with organization_scope(organization_id):
            answers = self._answers(organization_id, plugin)
        return next((answer or "" for answer in answers if answer is False or isinstance(answer, str)), None)


def switch(organization_id: str, plugin: str, enabled: bool) -> None:
    """Switch a plugin on or off for the organization in scope. Needs a transaction; the caller has checked permission."""
    changed = FeatureSwitch.update(enabled=enabled).where(FeatureSwitch.plugin == plugin).execute()
    if not changed:
        create(FeatureSwitch, organization_id=organization_id, plugin=plugin, enabled=enabled)
    epoch.bump(organization_id)
