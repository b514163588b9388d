"""Contributions of plugins to the hooks of other plugins, by name."""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from ..context import current_organization
from ..tenancy.organization_state import by_epoch
from .containment import Origin, contained, containing
from .declarations import Collected
from .loading.hook_manager import offered_hooks

if TYPE_CHECKING:
    from ..tenancy.feature_switches import Features

_MOST_KEPT = 8192


class Offers:
    """The results of every plugin hook ``(app) -> Sequence[<dataclass>]``, all called at start.

    ``offers(hook)`` returns the installation's; use it to maintain data, and where there is no organization. Use ``offers.here(hook)`` for
    work on behalf of an organization. The functions of an offer are contained, see `containment.contained`.
    """

    def __init__(self, collected: Collected, features: "Features") -> None:
        self._features = features
        on = {plugin.name: plugin for plugin in collected.plugins.on}
        self._kept: dict[str, Mapping[str, Any]] = dict.fromkeys(offered_hooks(collected.plugins), MappingProxyType({}))
        self._origins = {
            (offer.hook, offer.name): on[owner].origin(offer.hook, offer.name) for owner, offer in collected.each("offers")
        }
        self._forget()
        for _, offer in collected.each("offers"):
            self.keep(offer.hook, {**self._kept[offer.hook], offer.name: offer.value})

    def __call__(self, hook: str) -> Mapping[str, Any]:
        """Return every plugin's contributions to `hook`, by their first field, in the order of dependencies; LookupError for an unknown
        hook."""
        if hook not in self._kept:
            raise LookupError(f"no plugin that is on offers the hook {hook}(app) -> Sequence[<a dataclass>]")
        return self._kept[hook]

    def here(self, hook: str) -> Mapping[str, Any]:
        """Return the same, without those of plugins that are disabled for the organization in scope."""
        organization_id = current_organization()
        return self._here(organization_id, self._features.epoch_of(organization_id), hook)

    def _find_here(self, organization_id: str, epoch: int, hook: str) -> Mapping[str, Any]:
        return MappingProxyType({name: offer for name, offer in self(hook).items() if self._is_on(hook, name, organization_id)})

    def _is_on(self, hook: str, name: str, organization_id: str) -> bool:
        plugin = self.owner_of(hook, name)
        return plugin is None or self._features.allowed_in(organization_id, plugin)

    def owner_of(self, hook: str, name: str) -> str | None:
        """Return the plugin that contributes the offer of that name; None if no enabled plugin does."""
        return self._origins[hook, name].plugin if name in self(hook) else None

    def brought_by(self, plugin: str) -> list[tuple[str, str]]:
        """Return the hook and the name of each offer of the plugin."""
        return [place for place, origin in self._origins.items() if origin.plugin == plugin]

    def off_here(self, hook: str, name: str) -> str | None:
        """Return the plugin that contributes the offer of that name, if it is disabled for the organization in scope."""
        return None if name in self.here(hook) else self.owner_of(hook, name)

    def containing(self, hook: str, name: str) -> AbstractContextManager[None]:
        """Contain a block that runs code of the plugin that contributes the offer of that name; see `containment.containing`."""
        return containing(type(self(hook)[name]), self._origins[hook, name])

    def keep(self, hook: str, offers: Mapping[str, Any], plugin: str = "tests") -> None:
        """Register these in the app, as if `plugin` contributed them; for tests."""
        before = self._kept[hook]
        self._kept[hook] = MappingProxyType(
            {
                name: offer if before.get(name) is offer else self._contained(hook, name, offer, plugin)
                for name, offer in offers.items()
            }
        )
        self._forget()

    def _forget(self) -> None:
        self._here = by_epoch(self._find_here, _MOST_KEPT)

    def _contained(self, hook: str, name: str, offer: Any, plugin: str) -> Any:
        return contained(offer, self._origins.setdefault((hook, name), Origin(plugin, hook, name)))
