"""The platform's core, and what a plugin's first line imports; a name is loaded when it is first used."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .version import VERSION

if TYPE_CHECKING:
    from .access.permissions import Permission
    from .app import App, Kept
    from .catalog.parts import PartShape
    from .data.records import Record, Row, TenantRecord
    from .error_codes import ErrorCode
    from .errors import Invalid, InvalidArgument, Problem, Refused, StartupError, not_found
    from .events.declarations import Event, Listener
    from .events.log import emit
    from .hookspecs import hookimpl
    from .http.operations import Resource, operation
    from .http.protocols import Protocol
    from .http.request import Request, Response
    from .jobs.context import JobContext
    from .jobs.declarations import Job, Retry
    from .jobs.queue import enqueue
    from .plugins.checks import Check
    from .plugins.containment import PluginFault
    from .plugins.manifest import Plugin
    from .resources.collection import Collection
    from .settings import setting
    from .spans import Span, SpanReceiver
    from .tenancy.organization_settings import OrganizationSetting
    from .tenancy.principal import TokenCaller

__version__ = VERSION

_HOME_OF = {
    "App": "app",
    "Check": "plugins.checks",
    "Collection": "resources.collection",
    "ErrorCode": "error_codes",
    "Event": "events.declarations",
    "Invalid": "errors",
    "InvalidArgument": "errors",
    "Job": "jobs.declarations",
    "JobContext": "jobs.context",
    "Kept": "app",
    "Listener": "events.declarations",
    "OrganizationSetting": "tenancy.organization_settings",
    "PartShape": "catalog.parts",
    "Permission": "access.permissions",
    "Plugin": "plugins.manifest",
    "PluginFault": "plugins.containment",
    "Problem": "errors",
    "Protocol": "http.protocols",
    "Record": "data.records",
    "Refused": "errors",
    "Request": "http.request",
    "Resource": "http.operations",
    "Response": "http.request",
    "Row": "data.records",
    "Retry": "jobs.declarations",
    "Span": "spans",
    "SpanReceiver": "spans",
    "StartupError": "errors",
    "TenantRecord": "data.records",
    "TokenCaller": "tenancy.principal",
    "emit": "events.log",
    "enqueue": "jobs.queue",
    "hookimpl": "hookspecs",
    "not_found": "errors",
    "operation": "http.operations",
    "setting": "settings",
}

__all__ = [
    "App",
    "Check",
    "Collection",
    "ErrorCode",
    "Event",
    "Invalid",
    "InvalidArgument",
    "Job",
    "JobContext",
    "Kept",
    "Listener",
    "OrganizationSetting",
    "PartShape",
    "Permission",
    "Plugin",
    "PluginFault",
    "Problem",
    "Protocol",
    "Record",
    "Refused",
    "Request",
    "Resource",
    "Response",
    "Retry",
    "Row",
    "Span",
    "SpanReceiver",
    "StartupError",
    "TenantRecord",
    "TokenCaller",
    "__version__",
    "emit",
    "enqueue",
    "hookimpl",
    "not_found",
    "operation",
    "setting",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_HOME_OF[name]}", __name__), name)
