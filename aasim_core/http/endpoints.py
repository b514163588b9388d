"""Build the endpoints of resources: each operation with its path, name, permission and schemas."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from .operations import WITHOUT_PERMISSION, Endpoint, Operation, Resource

_METHODS = ("get", "post", "put", "patch", "delete")
_VERBS = {"put": "replace", "patch": "update", "delete": "delete"}
#: The operations of a resource on its list and on one object, and the verbs of their permissions.
_USUAL_OPERATIONS = ("list", "create", "read", "replace", "update", "delete")
_USUAL_PERMISSIONS = ("read", "create", "update", "delete")


def endpoints_of(plugin: str, resources: Iterable[Resource]) -> Iterator[Endpoint]:
    """Return every endpoint of the plugin's resources; LookupError for a path without a responder, or a responder without an operation."""
    for resource in resources:
        _refuse_strange_verbs(resource)
        for suffix, template in resource.paths.items():
            tail = f"_{suffix}" if suffix else ""
            responders = {method: resource.responder(f"on_{method}{tail}") for method in _METHODS}
            if not any(responders.values()):
                where = f"{type(resource).__name__}.on_get{tail}"
                raise LookupError(f"nothing answers at {template}; write {where}, or that of another method")
            for method, responder in responders.items():
                if responder is not None:
                    yield _endpoint(plugin, method, suffix, template, resource, responder)


def _refuse_strange_verbs(resource: Resource) -> None:
    for name, verbs in {"permissions": _USUAL_PERMISSIONS, "operations": _USUAL_OPERATIONS}.items():
        for verb in getattr(resource, name):
            if verb not in verbs:
                raise LookupError(f"{type(resource).__name__}.{name} has no verb {verb}; write one of {', '.join(verbs)}")


def _endpoint(
    plugin: str, method: str, suffix: str, template: str, resource: Resource, responder: Callable[..., None]
) -> Endpoint:
    declared: Operation | None = getattr(responder, "operation", None)
    if declared is None:
        raise LookupError(f"{plugin}: {type(resource).__name__}.{responder.__name__} has no @operation; declare one")
    if suffix in ("", "one"):
        declared = replace(declared, **resource.operations.get(_verb(declared, method, suffix), {}))
    return Endpoint(
        plugin=plugin,
        method=method.upper(),
        template=template,
        resource=resource,
        responder=responder,
        operation=_resolved(declared, plugin, resource, responder),
        operation_id=_operation_id(declared, method, suffix, template),
        path_ids=tuple(part.strip("{}") for part in template.split("/") if part.startswith("{")),
    )


def _resolved(declared: Operation, plugin: str, resource: Resource, responder: Callable[..., None]) -> Operation:
    permission = resource.permissions.get(declared.permission, declared.permission)
    if permission not in WITHOUT_PERMISSION and ":" not in permission:
        permission = f"{plugin}:{permission}"
    schemas = {
        name: getattr(resource, value) for name in ("body", "query", "reply") if isinstance(value := getattr(declared, name), str)
    }
    for name in ("body", "query", "reply"):
        _refuse_class(schemas.get(name, getattr(declared, name)), f"{type(resource).__name__}.{responder.__name__}", name)
    nouns = _nouns(resource.noun or plugin)
    summary = (declared.summary or (responder.__doc__ or "").strip().split("\n")[0]).format(**nouns)
    message = (declared.message or summary).format(**nouns)
    message = message[:1].upper() + message[1:]
    return replace(declared, permission=permission, summary=summary, message=message, **schemas)


def _refuse_class(schema: Any, where: str, name: str) -> None:
    if isinstance(schema, type):
        raise TypeError(f"the {name} of {where} is the class {schema.__name__}; write {schema.__name__}()")


def _operation_id(declared: Operation, method: str, suffix: str, template: str) -> str:
    """Return ``agents_list``, ``agents_read``, ``agents_execute``: the fixed words of the path, and the verb unless it is among them."""
    words = [part.replace("-", "_").replace(".", "_") for part in template.split("/") if part and not part.startswith("{")]
    verb = declared.verb or _verb(declared, method, suffix, words)
    return "_".join([*(words[:-1] if words[-1:] == [verb] else words), verb])


def _verb(declared: Operation, method: str, suffix: str, words: Sequence[str] = ()) -> str:
    if method == "get":
        return "list" if declared.many or not suffix else "read"
    if method == "post":
        return words[-1] if suffix and words else "create"
    return _VERBS[method]


def _nouns(name: str) -> dict[str, str]:
    plural = name.replace("_", " ")
    singular = (
        plural[:-3] + "y" if plural.endswith("ies") else plural[:-2] if plural.endswith("ches") else plural.removesuffix("s")
    )
    return {"plural": plural, "singular": singular, "one": f"{'an' if singular[0] in 'aeio' else 'a'} {singular}"}
