"""The types of nodes that enabled plugins provide."""

from typing import TYPE_CHECKING

from ...executions.hookspecs import LOOK_AGAIN_SECONDS, RunLater
from ..hookspecs import NodeType

if TYPE_CHECKING:
    from aasim_core.app import App

_HOOK = "node_types"


def enabled_type(app: "App", name: str, path: str) -> NodeType:
    """Return the type of the node at that path; `RunLater` while no plugin provides it that is enabled for the organization in scope."""
    kind: NodeType | None = app.offers.here(_HOOK).get(name)
    if kind is None:
        plugin = app.offers.owner_of(_HOOK, name)
        why = f"the plugin {plugin}, which provides them, is disabled" if plugin else "no enabled plugin provides them"
        missing = f"plugin:{plugin}" if plugin else f"node_type:{name}"
        raise RunLater(LOOK_AGAIN_SECONDS, f"{path} waits: it is of the type {name}, and {why}.", missing=missing)
    return kind
