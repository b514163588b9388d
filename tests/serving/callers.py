"""Callers who send requests with idempotency keys."""

from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any

import falcon
import pytest
from falcon import testing

from aasim_core.context import organization_scope, system_scope
from aasim_core.data.database import Database
from aasim_core.errors import Refused
from aasim_core.http.request import Request, Response
from aasim_core.schemas.json_values import NO_BODY
from aasim_core.secrets import Keyring, new_key
from aasim_core.serving import idempotency
from aasim_core.serving.idempotency import Idempotency
from aasim_core.tenancy.principal import Principal

ENTER = SimpleNamespace(method="POST", template="/auth/login", operation=SimpleNamespace(keep_seconds=60))
ADA = Principal("user", "user_ada", "org_a", 1, "Ada")
DAY = SimpleNamespace(keep_seconds=86_400)
MAKE = SimpleNamespace(method="POST", template="/agents", operation=DAY)


class Caller:
    """Sends requests to an operation that counts how often it is done; `inside` the request's transaction, or outside of it."""

    def __init__(self, database: Database, *, inside: bool) -> None:
        self.inside = inside
        self.app: Any = SimpleNamespace(database=database, keyring=Keyring([new_key()]))
        self.database = database
        self.done = 0

    def send(
        self,
        key: str | None = "key-1",
        body: Any = NO_BODY,
        *,
        principal: Principal | None = ADA,
        endpoint: Any = MAKE,
        path: str = "/api/v1/agents",
        address: str = "192.0.2.1",
        fail: BaseException | None = None,
    ) -> Response:
        headers = {} if key is None else {"Idempotency-Key": key}
        environ = testing.create_environ(path, method=endpoint.method, headers=headers, remote_addr=address)
        req, resp = Request(environ), Response()
        if principal is not None:
            req.caller = principal
        scope = nullcontext() if principal is None else organization_scope(principal.organization_id)
        with scope:
            self._send(endpoint, body, req, resp, fail)
        return resp

    def _send(self, endpoint: Any, body: Any, req: Request, resp: Response, fail: BaseException | None) -> None:
        once = idempotency.once if self.inside else idempotency.once_outside
        unit = self.database.transaction() if self.inside else nullcontext()
        with unit, once(self.app, endpoint, body, req, resp) as replayed:
            if not replayed:
                self._do(resp, fail)

    def _do(self, resp: Response, fail: BaseException | None) -> None:
        if fail is not None:
            raise fail
        self.done += 1
        resp.status = falcon.HTTP_201
        resp.location = f"/api/v1/agents/{self.done}"
        resp.data = f'{{"number":{self.done},"secret":"aasim_sk_once"}}'.encode()


def kept() -> list[dict[str, Any]]:
    with system_scope("look at what is kept"):
        return list(Idempotency.select().dicts())


def code_of(caller: Caller, *arguments: Any, **options: Any) -> str:
    with pytest.raises(Refused) as caught:
        caller.send(*arguments, **options)
    return caught.value.code
