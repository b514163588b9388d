"""What plugins bring for the hooks of other plugins, by name."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from ..context import current_organization
from ..errors import StartupError

if TYPE_CHECKING:
    from ..app import App


class Offers:
    """The declarations that a hook of a plugin returns; each hook is asked once in the life of the app, when it is first needed."""

    def __init__(self, app: "App") -> None:
        self._app = app
        self._kept: dict[str, Mapping[str, Any]] = {}
        self._owners: dict[str, Mapping[str, str]] = {}

    def __call__(self, hook: str, key: str = "name") -> Mapping[str, Any]:
        """What every plugin brings for `hook`, by the attribute `key`; StartupError where two bring the same."""
        kept = self._kept.get(hook)
        return kept if kept is not None else self.keep(hook, self._asked(hook, key))

    def here(self, hook: str, key: str = "name") -> Mapping[str, Any]:
        """The same, without what comes from plugins that are off for the organization in scope."""
        offers, owners = self(hook, key), self._owners.get(hook, {})
        organization_id, features = current_organization(), self._app.features
        return {
            name: offer
            for name, offer in offers.items()
            if name not in owners or features.allowed_in(organization_id, owners[name])
        }

    def keep(self, hook: str, offers: Mapping[str, Any]) -> Mapping[str, Any]:
        """Let the app have these from now on, unless another thread was quicker."""
        return self._kept.setdefault(hook, MappingProxyType(dict(offers)))

    def _asked(self, hook: str, key: str) -> dict[str, Any]:
        found: dict[str, Any] = {}
        owners: dict[str, str] = {}
        for plugin, brought in self._app.plugins.each(hook, app=self._app):
            for offer in brought:
                name = getattr(offer, key)
                if name in found:
                    raise StartupError(
                        f"the plugins {owners[name]} and {plugin} both bring {name!r} for the hook {hook}; turn one of them off"
                    )
                found[name], owners[name] = offer, plugin
        self._owners[hook] = owners
        return found
