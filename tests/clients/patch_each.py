"""Change objects through the client that openapi-python-client made, as its users would; runs in the client's environment.

Standard input has the address, the token, and for each change the operation, its ids and the fields to set. The answer has the objects
before and after each change.
"""

import json
import sys
from importlib import import_module
from types import NoneType
from typing import Any, get_args, get_type_hints

from aasim_client import AuthenticatedClient, models


def call(client: Any, tag: str, operation: str, ids: dict[str, str], **more: Any) -> Any:
    """The object that the operation answers with."""
    module = import_module(f"aasim_client.api.{tag}.{operation}")
    answer = module.sync_detailed(*ids.values(), client=client, **more)
    if answer.status_code != 200:
        sys.exit(f"{operation} {ids}: {answer.status_code} {answer.content.decode()}")
    return answer.parsed.data.to_dict()


def built(hint: Any, value: Any) -> Any:
    """`value` as the model that the hint names; only what is in it is set."""
    kinds = [
        kind
        for kind in get_args(hint) or (hint,)
        if isinstance(value, dict) and hasattr(kind, "to_dict") and kind is not NoneType
    ]
    if not kinds:
        return value
    hints = get_type_hints(kinds[0], localns=vars(models))
    named = {name if name in hints else f"{name}_": inner for name, inner in value.items()}  # names of Python have an underscore
    return kinds[0](**{name: built(hints[name], inner) for name, inner in named.items()})


def main(told: Any) -> list[list[Any]]:
    """The objects before and after each change."""
    client = AuthenticatedClient(base_url=told["url"], token=told["token"])
    done = []
    for change in told["changes"]:
        tag, operation, ids = change["tag"], change["operation"], change["ids"]
        reading = operation.removesuffix("_update") + "_read"
        module = import_module(f"aasim_client.api.{tag}.{operation}")
        body = built(get_type_hints(module.sync_detailed)["body"], change["fields"])
        before = call(client, tag, reading, ids)
        call(client, tag, operation, ids, body=body)
        done.append([before, call(client, tag, reading, ids)])
    return done


json.dump(main(json.load(sys.stdin)), sys.stdout)
