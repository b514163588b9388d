"""The hooks that are called while the platform runs: each plugin's by itself, and contained."""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

import falcon

from ..errors import Refused
from ..tenancy.principal import Principal
from .containment import PluginFault, contained_call
from .registry import Plugins

if TYPE_CHECKING:
    from ..app import App


class _Answers:
    """Of both hooks a `Refused` is an answer."""

    foreseen: ClassVar = (Refused,)


class RunningHooks:
    """Calls the hooks `authenticate` and `feature_allowed` of the app's plugins."""

    def __init__(self, app: "App") -> None:
        self._app = app
        self.follow(app.plugins)

    def follow(self, plugins: Plugins) -> None:
        """Call the hooks of these plugins from now on."""
        self._authenticate = _contained(self._app, plugins, "authenticate", _flaw_of_caller)
        self._feature_allowed = _contained(self._app, plugins, "feature_allowed", _flaw_of_answers)

    def authenticate(self, req: falcon.Request) -> tuple[Principal | None, PluginFault | None]:
        """Return who sends the request for the first plugin that knows the credential, and the fault of one that could not tell.

        Such a fault is of interest where nobody knows the credential: it may be that plugin's.
        """
        fault = None
        for ask in self._authenticate:
            try:
                found = ask(req=req)
            except PluginFault as error:
                fault = error
            else:
                if found is not None:
                    return found, None
        return None, fault

    def feature_allowed(self, organization_id: str, plugin: str) -> list[object]:
        """Return what each plugin says about the plugin; `PluginFault` where one fails, since nobody else knows its answer."""
        return [answer for ask in self._feature_allowed for answer in ask(organization_id=organization_id, plugin=plugin)]


def _contained(app: "App", plugins: Plugins, hook: str, flaw_of: Callable[[Any], str | None]) -> list[Callable[..., Any]]:
    on = {plugin.name: plugin for plugin in plugins.on}
    return [
        contained_call(partial(call, app=app), _Answers, on[name].origin(hook, hook), flaw_of)
        for name, call in plugins.callers(hook).items()
    ]


def _flaw_of_caller(found: Any) -> str | None:
    return None if isinstance(found, Principal | None) else f"{type(found).__name__} is not a Principal, and not None"


def _flaw_of_answers(answers: list[Any]) -> str | None:
    return next(
        (f"{type(each).__name__} is not a bool, a text or None" for each in answers if not isinstance(each, bool | str)), None
    )
