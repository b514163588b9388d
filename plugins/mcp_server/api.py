"""The endpoint for clients of the Model Context Protocol."""

from collections.abc import Callable, Mapping
from typing import Any, ClassVar
from urllib.parse import urlsplit

import falcon
import orjson

from aasim_core import App, Request, Resource, Response, operation
from aasim_core.data import records
from aasim_core.errors import Refused
from aasim_core.ids import is_id
from aasim_core.lists.paging import Filter, Page, Question, read_page
from aasim_core.resources.prefer_wait import wait
from aasim_core.text.json import to_json

from ..agents import service as agents
from ..agents.models import Agent
from ..executions import service as executions
from ..executions.models import Execution
from . import protocol, schemas, tools
from .protocol import INVALID_PARAMS, METHOD_NOT_FOUND, RpcError
from .settings import McpServerSettings
from .tools import ToolFault

_EXECUTE = "agents:execute"
_JSON_COLUMNS = ("input_schema", "output_schema", "tools")
_COLUMNS = ("id", "slug", "name", "description", *_JSON_COLUMNS)
_TOOLS_AT_ONCE = 100
_Answer = Callable[[Request, protocol.Request], Mapping[str, Any]]


class McpServer(Resource):
    """The organization's agents as tools, over JSON-RPC 2.0."""

    paths: ClassVar[Mapping[str, str]] = {"": "/mcp-server"}
    body = schemas.MessageIn()
    reply = schemas.AnswerOut()

    def __init__(self, app: App) -> None:
        self.app = app
        answers: dict[str, _Answer] = {
            "initialize": lambda req, asked: protocol.initialized(asked, tools.INSTRUCTIONS),
            "server/discover": lambda req, asked: protocol.discovered(asked, tools.INSTRUCTIONS),
            "ping": lambda req, asked: {},
            "tools/list": self._list,
            "tools/call": self._call,
            **{method: _lists_nothing(field) for method, field in protocol.EMPTY_LISTS.items()},
            "resources/read": lambda req, asked: protocol.refuse_name(asked, "uri", "resource"),
            "prompts/get": lambda req, asked: protocol.refuse_name(asked, "name", "prompt"),
            "completion/complete": lambda req, asked: {"completion": {"values": [], "total": 0, "hasMore": False}},
        }
        self._modern = {name: answer for name, answer in answers.items() if name not in protocol.ONLY_HANDSHAKE}
        self._handshake = {name: answer for name, answer in answers.items() if name not in protocol.ONLY_MODERN}

    @operation(
        _EXECUTE,
        verb="call",
        headers=protocol.HEADERS,
        body="body",
        reply="reply",
        plain=True,
        transaction=False,
        also=(202,),
        reach="rows",
        message="Answered.",
        refusals=("invalid_parameter", "permission_denied"),
    )
    def on_post(self, req: Request, resp: Response) -> None:
        """Serve a client of the Model Context Protocol.

        The tools are the agents that the caller may run. The body is one message of JSON-RPC 2.0, and so is the response. A notification is
        answered 202 without a body. An error of the protocol has the status 400, or 404 for an unknown method, in the revision 2026-07-28,
        and 200 in earlier ones. A request that is refused before its message is read has the envelope of all other operations.
        """
        self._refuse_foreign_pages(req)
        resp.content_type = falcon.MEDIA_JSON
        try:
            asked = protocol.read(req.body, req.headers)
            if asked is None:
                resp.status, resp.data = 202, b""
                return
            answers = self._modern if asked.modern else self._handshake
            if asked.method not in answers:
                raise RpcError(METHOD_NOT_FOUND, f"There is no method {asked.method[:100]}; there are {', '.join(answers)}.")
            answer = asked.answer(answers[asked.method](req, asked))
        except RpcError as error:
            resp.status = protocol.status_of(error, protocol.is_modern(req.body, req.headers))
            answer = protocol.failed(req.body.get("id"), error)
        resp.data = to_json(answer)

    def _refuse_foreign_pages(self, req: Request) -> None:
        """A page in a browser may call only if the operator allows its origin, because of DNS rebinding."""
        origin, http = req.get_header("Origin"), self.app.settings.http
        own = urlsplit(http.public_url)
        if origin is not None and not {origin, "*"} & {*http.cors_origins, f"{own.scheme}://{own.netloc}"}:
            message = "Pages of this origin may not call this; the operator can allow it in http.cors_origins."
            raise Refused("permission_denied", message, field="Origin")

    def _list(self, req: Request, asked: protocol.Request) -> Mapping[str, Any]:
        cursor = asked.text("cursor")
        try:
            page = self._page(req, cursor=cursor)
        except Refused as refused:
            raise RpcError(INVALID_PARAMS, refused.message) from refused
        found = [tools.tool_of(agent) for agent in _agents(page)]
        more = {"nextCursor": page.next_cursor} if page.has_more else {}
        return asked.cacheable({"tools": found if cursor else [tools.result_tool(), *found], **more})

    def _call(self, req: Request, asked: protocol.Request) -> Mapping[str, Any]:
        name, arguments = asked.text("name") or "", asked.params.get("arguments") or {}
        if not isinstance(arguments, dict):
            raise RpcError(INVALID_PARAMS, "arguments must be an object.")
        try:
            return self._waited(self._result_asked(req, arguments) if name == tools.RESULT else self._begun(req, name, arguments))
        except (ToolFault, Refused) as error:
            return tools.fault(error)

    def _begun(self, req: Request, slug: str, arguments: Mapping[str, Any]) -> str:
        """Return the id of a new run of the agent; RpcError where the caller has no such tool."""
        found = _agents(self._page(req, slug=slug))
        if not found:
            raise RpcError(INVALID_PARAMS, f"There is no tool {slug[:100]}; tools/list names those that there are.")
        with self.app.database.transaction():
            agent = agents.find_visible(found[0]["id"], req.principal.user_id)
            self.app.rights.refuse_archived(req.principal, agent.project_id)
            given = tools.input_of(agent.input_schema, arguments)
            key_id = req.principal.api_key_id
            return str(agents.start(self.app, agent, given, req.principal.user_id, api_key_id=key_id).id)

    def _result_asked(self, req: Request, arguments: Mapping[str, Any]) -> str:
        """Return the id of a run that the caller has started."""
        identity = str(arguments.get("execution_id"))
        execution: Any = records.find_or_none(Execution, identity) if is_id(identity, "exec") else None
        user_id = req.principal.user_id
        mine = execution is not None and execution.initiator_id == user_id
        if not mine or not executions.allows(req.rights, "executions:read", execution, user_id):
            raise ToolFault("There is no such run of yours; write its execution_id as it was given.")
        return identity

    def _waited(self, execution_id: str) -> Mapping[str, Any]:
        """Return the state of a run, after waiting for its end."""
        seconds = self.app.settings.section("mcp_server", McpServerSettings).wait_seconds
        wait(self.app, lambda: _settled(execution_id), seconds)
        return tools.result_of(records.find(Execution, execution_id))

    def _page(self, req: Request, *, slug: str | None = None, cursor: str | None = None) -> Page:
        """Return the agents that the caller may run, by their slugs: a page of all, or the one of that slug."""
        filters = [Filter("status", "eq", "active"), *([] if slug is None else [Filter("slug", "eq", slug)])]
        question = Question(req.path, _TOOLS_AT_ONCE, ("slug",), filters, cursor)
        reach = agents.in_reach(req.rights, _EXECUTE, req.principal.user_id)
        return read_page(Agent, _COLUMNS, question, [reach], self.app.keyring)


def _agents(page: Page) -> list[dict[str, Any]]:
    rows = [dict(zip(page.names, row, strict=True)) for row in page.rows]
    return [{**row, **{name: orjson.loads(row[name]) if row[name] else None for name in _JSON_COLUMNS}} for row in rows]


def _lists_nothing(field: str) -> _Answer:
    return lambda req, asked: asked.cacheable({field: []})


def _settled(execution_id: str) -> bool | None:
    """Return whether waiting longer is pointless, because a person must decide."""
    row = records.read_row(Execution, execution_id)
    over = row is None or executions.is_over(row["status"]) or row["waiting_for"] == "approval"
    return True if over else None
