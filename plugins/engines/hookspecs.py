"""The hooks of the plugin engines for model providers and meters, and their types."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import pluggy

from .chat import (
    DEFAULTS,
    ERROR_CODES,
    BuiltIn,
    Cancelled,
    Capabilities,
    Chat,
    EngineConfig,
    EngineError,
    Finish,
    Message,
    NoRoom,
    OnToken,
    Parameters,
    Partial,
    Progress,
    Provider,
    ProviderFailed,
    ProviderOff,
    Reply,
    Role,
    ShouldCancel,
    ToolCall,
    ToolSpec,
    Usage,
    ignore_token,
    keeping,
    never_cancel,
)
from .provider_kit.egress import closed_url, egress_of
from .provider_kit.estimates import estimated_usage
from .provider_kit.failures import Cut, Service, engine_errors, error_of_status, missing, no_credit, not_installed
from .provider_kit.instructions import schema_in_words
from .provider_kit.parameters import refuse_reserved
from .provider_kit.streaming import gathered
from .usage.metering import BUDGET_EXCEEDED, NOBODY, Estimate, Meter, Payer, refuse_spent
from .usage.prices import Cost, in_words

if TYPE_CHECKING:
    from aasim_core.app import App

__all__ = [
    "BUDGET_EXCEEDED",
    "DEFAULTS",
    "ERROR_CODES",
    "NOBODY",
    "BuiltIn",
    "Cancelled",
    "Capabilities",
    "Chat",
    "Cost",
    "Cut",
    "EngineConfig",
    "EngineError",
    "Estimate",
    "Finish",
    "Message",
    "Meter",
    "NoRoom",
    "OnToken",
    "Parameters",
    "Partial",
    "Payer",
    "Progress",
    "Provider",
    "ProviderFailed",
    "ProviderOff",
    "Reply",
    "Role",
    "Service",
    "ShouldCancel",
    "ToolCall",
    "ToolSpec",
    "Usage",
    "closed_url",
    "egress_of",
    "engine_errors",
    "engine_providers",
    "error_of_status",
    "estimated_usage",
    "gathered",
    "ignore_token",
    "in_words",
    "keeping",
    "meters",
    "missing",
    "never_cancel",
    "no_credit",
    "not_installed",
    "refuse_reserved",
    "refuse_spent",
    "schema_in_words",
]

hookspec = pluggy.HookspecMarker("aasim")


@hookspec
def engine_providers(app: App) -> Sequence[Provider]:
    """Return the plugin's model providers.

    Called once, at start, so it must be cheap: import the provider's library in the function that needs it, open connections in
    `Chat.chat`. A provider's `name` is unique in the installation, lower_snake, and never changes, because engines store it.
    `Provider.open` receives an `EngineConfig` and returns a `Chat`; its errors are `EngineError`s with one of the seven codes, and it polls
    `should_cancel` while it waits. A call that ends without a reply is charged for the text passed to `on_token`, or the usage that
    `keeping` attaches to its error. The types are documented where they are defined, in `chat.py`. A client of a network service sends
    through `aasim_core.outbound.sdk_transport.PatientTransport`, `engine_errors` translates its errors, and `gathered` assembles the
    pieces of a stream; `engine_openai` shows how. The shortest example is the plugin `engine_scripted`::

        @hookimpl
        def engine_providers(app):
            return [Provider("my_models", "My models", Capabilities(tools="none"), open=open_chat)]
    """
    raise AssertionError("a hook specification is never called")


@hookspec
def meters(app: App) -> Sequence[Meter]:
    """Return the meters, which account for the cost of engines and may refuse a call before it is made.

    Every call of an engine is reserved and settled with each meter. A call that one of them refuses, with `BUDGET_EXCEEDED`, is not made,
    and no fallback is tried. `Payer` identifies on whose behalf the engine is called. The bundled example is the plugin `budgets`.
    """
    raise AssertionError("a hook specification is never called")
