"""What plugins bring for the hooks of other plugins, by name."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from ..context import current_organization
from .assembly import offered_hooks
from .declarations import Collected

if TYPE_CHECKING:
    from ..access.features import Features


class Offers:
    """The answers to every hook ``(app) -> Sequence[<dataclass>]`` of a plugin, which all were asked at start."""

    def __init__(self, collected: Collected, features: "Features") -> None:
        self._features = features
        self._kept: dict[str, Mapping[str, Any]] = dict.fromkeys(offered_hooks(collected.plugins.manager), MappingProxyType({}))
        self._owners = {(offer.hook, offer.name): owner for owner, offer in collected.each("offers")}
        for _, offer in collected.each("offers"):
            self.keep(offer.hook, {**self._kept[offer.hook], offer.name: offer.value})

    def __call__(self, hook: str) -> Mapping[str, Any]:
        """What every plugin brings for `hook`, by its first field, in the order of dependencies; LookupError if it is no such hook."""
        if hook not in self._kept:
            raise LookupError(f"no plugin that is on offers the hook {hook}(app) -> Sequence[<a dataclass>]")
        return self._kept[hook]

    def here(self, hook: str) -> Mapping[str, Any]:
        """The same, without what comes from plugins that are off for the organization in scope."""
        return {name: offer for name, offer in self(hook).items() if self._is_on(self._owners.get((hook, name)))}

    def _is_on(self, plugin: str | None) -> bool:
        return plugin is None or self._features.allowed_in(current_organization(), plugin)

    def keep(self, hook: str, offers: Mapping[str, Any]) -> None:
        """Let the app have these from now on; for tests, which bring what no plugin does."""
        self._kept[hook] = MappingProxyType(dict(offers))
