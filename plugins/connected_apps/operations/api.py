"""The endpoints that list an app's operations and uses."""

from collections.abc import Mapping
from typing import Any, ClassVar

from aasim_core import Collection
from aasim_core.lists.query import ListQuery
from aasim_core.resources.collection import Parent

from .. import schemas
from ..api import ConnectedApps
from ..models import AppOperation, Use


class Operations(Collection):
    """The operations of a connected app."""

    record = AppOperation
    events = "connected_apps"
    noun = "operations"
    parent = Parent(ConnectedApps, "app_id")
    paths: ClassVar[Mapping[str, str]] = {"": "/connected-apps/{connected_app_id}/operations"}
    reply = schemas.OperationOut()
    query = ListQuery(
        schemas.OperationOut(),
        filters=("name", "effect", "confirmed"),
        sorts=("name", "created_at"),
        search=("name", "description"),
        default="name",
    )
    operations: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "list": {"summary": "List an app's operations, with those that agents may use."}
    }


class Uses(Collection):
    """The uses of a connected app."""

    record = Use
    events = "connected_apps"
    noun = "uses"
    parent = Parent(ConnectedApps, "app_id")
    paths: ClassVar[Mapping[str, str]] = {"": "/connected-apps/{connected_app_id}/logs"}
    reply = schemas.UseOut()
    query = ListQuery(
        schemas.UseOut(), filters=("execution_id", "operation", "status", "code", "created_at"), sorts=("created_at",)
    )
    operations: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "list": {"summary": "List the uses of an app, one row each, without request and response contents."}
    }
