"""The endpoints of agents."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from aasim_core import Collection, Request, Response, operation
from aasim_core.clock import now
from aasim_core.data import references
from aasim_core.data.conditions import Condition
from aasim_core.errors import Invalid, Problem, not_found
from aasim_core.lists.query import ListQuery, id_from_path
from aasim_core.resources.collection import Parent
from aasim_core.resources.haltable import Halting

from ..engines import service as engines
from . import schemas, service, tools
from .models import Agent, AgentVersion

if TYPE_CHECKING:
    from aasim_core.app import App


class Agents(Halting, Collection):
    """Agents: a prompt, an engine, tools and limits, in versions."""

    record = Agent
    events = "agents"
    paths: ClassVar[Mapping[str, str]] = {
        "": "/agents",
        "one": "/agents/{agent_id}",
        "clone": "/agents/{agent_id}/clone",
        "export": "/agents/{agent_id}/export",
        "import": "/agents/import",
        "halt": "/agents/{agent_id}/halt",
        "resume": "/agents/{agent_id}/resume",
    }
    body = schemas.AgentIn()
    reply = schemas.AgentOut()
    one_reply = schemas.OneAgentOut()
    clone_body = schemas.CloneIn()
    export_reply = schemas.ExportOut()
    import_body = schemas.ImportIn()
    import_reply = schemas.ImportOut()
    node_field = "project_id"
    unique = ("slug", "name")
    operations: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        verb: {"reply": "one_reply"} for verb in ("create", "read", "replace", "update")
    }
    query = ListQuery(
        schemas.AgentOut(),
        filters=(
            "name",
            "slug",
            "status",
            "visibility",
            "project_id",
            "owner_id",
            "tags",
            "engine_id",
            "created_at",
            "updated_at",
        ),
        sorts=("created_at", "updated_at", "name"),
        search=("name", "description"),
    )

    # An agent is for the whole organization, for its project, or for its owner.

    def find(self, req: Request, **ids: str) -> Agent:
        """Return the agent, if it is visible to the caller."""
        return service.find_visible(ids["agent_id"], req.principal.user_id)

    def allows(self, req: Request, permission: str, target: Agent) -> bool:
        """Agents of the whole organization can be read and run by holders of the permission anywhere; agents that can be read can be
        copied."""
        enough = (permission, "agents:read") if permission == "agents:create" else (permission,)
        return any(service.allows(req.rights, each, target, req.principal.user_id) for each in enough)

    def reach(self, req: Request) -> list[Condition]:
        """The same for lists, as a condition."""
        return [service.in_reach(req.rights, "agents:read", req.principal.user_id)]

    def check(self, req: Request, values: dict[str, Any], record: Any = None) -> dict[str, Any]:
        """References to an engine or a project must be visible to the caller."""
        self._check_definition(req, values, record)
        req.rights.require_project(values.get("project_id"))
        return values

    def _check_definition(self, req: Request, values: Mapping[str, Any], record: Any = None) -> None:
        _require_engine(self.app, values.get("engine_id"), record)
        if record is None or {"engine_id", "parameters"} & values.keys():
            self._check_parameters({**(service.definition_of(record) if record else {}), **values})
        known = record.rubric_ids if record is not None else []
        references.require(self.app.models, "rubric", values.get("rubric_ids") or [], "rubric_ids", known)
        tools.refuse_bad_tools(self.app, values.get("tools") or [], req.rights, req.principal.user_id)

    def _check_parameters(self, values: Mapping[str, Any]) -> None:
        provider = engines.provider_of(self.app, values.get("engine_id"))
        engines.refuse_bad_parameters(values.get("parameters") or {}, provider)

    def create(self, req: Request, values: dict[str, Any]) -> Agent:
        """Write the agent and its first version."""
        return service.create(values, req.principal.user_id)

    def change(self, req: Request, record: Agent, values: dict[str, Any]) -> Agent:
        """Write changed values; a changed definition creates a new version."""
        return service.change(record, values)

    def remove(self, req: Request, record: Agent) -> None:
        """Delete the agent, and retain its history."""
        service.remove(record, now())

    def present(self, record: Agent) -> dict[str, Any]:
        """The agent, with its references to objects that the organization does not have."""
        return {**record.row(), "missing": tools.missing_of(self.app, record)}

    @operation("create", body="clone_body", reply="reply", status=201, message="Agent cloned.", while_archived=True)
    def on_post_clone(self, req: Request, resp: Response, agent_id: str) -> None:
        """Copy an agent.

        The copy is a draft that records its origin.
        """
        values = self.check(req, req.body)
        self._require_place(req, values.get("project_id", req.target.project_id))
        user_id = req.principal.user_id
        usable = tools.usable_tools(self.app, req.target.tools, req.rights, user_id)
        self._created(resp, service.clone(req.target, values, usable, user_id))

    @operation("read", reply="export_reply", verb="export", message="Agent exported.")
    def on_get_export(self, req: Request, resp: Response, agent_id: str) -> None:
        """Export an agent as a document without secrets."""
        resp.media = service.export(req.target)

    @operation(
        "create",
        body="import_body",
        reply="import_reply",
        status=201,
        also=(200,),
        is_import=True,
        reach="place",
        message="Agent imported.",
    )
    def on_post_import(self, req: Request, resp: Response) -> None:
        """Import an exported agent.

        With dry_run, only check the document and report its requirements.
        """
        document, project_id = req.body["document"], req.body["project_id"]
        req.rights.require_project(project_id)
        self._require_place(req, project_id)
        found = self._without_missing_tools(req, document)
        agent = None
        if not req.body["dry_run"]:
            agent = service.import_document(found, req.body.get("name"), project_id, req.principal.user_id)
            resp.location = self.location(agent)
        else:
            resp.status, resp.message = 200, "Nothing was imported: this is what the import needs."
        resp.media = {"agent": agent and self.plan.item(agent), "needs": service.needs_of(document, found["definition"]["tools"])}

    def _require_place(self, req: Request, project_id: str | None) -> None:
        """Refused where the caller may not create agents, or nobody may."""
        req.rights.require_at("agents:create", project_id)
        self.app.rights.refuse_archived(req.principal, project_id)

    def _without_missing_tools(self, req: Request, document: Mapping[str, Any]) -> dict[str, Any]:
        """Return the document with the tools that the caller may use; Invalid for errors in it, with their location."""
        written = document["definition"]
        usable = tools.usable_tools(self.app, written["tools"], req.rights, req.principal.user_id)
        definition = {**written, "tools": usable}
        try:
            tools.refuse_bad_approvals(written["tools"])
            self._check_definition(req, definition)
        except Invalid as invalid:
            raise invalid.below("document.definition") from invalid
        return {**document, "definition": definition}

    def _created(self, resp: Response, agent: Agent) -> None:
        resp.location = self.location(agent)
        resp.media = agent


def _require_engine(app: "App", engine_id: str | None, record: Agent | None) -> None:
    """Invalid for an engine that does not exist; an existing one cannot be deleted until the running transaction, which references it,
    ends."""
    if engine_id is None or (record is not None and engine_id == record.engine_id):
        return
    references.hold(Agent, [engine_id])
    if engines.find_or_none(engine_id) is None:
        raise Invalid({"engine_id": [Problem("invalid_reference", "There is no such engine; see GET /engines.")]})
    missing = engines.missing(app, engine_id)
    if missing is not None and missing.plugin is not None:
        raise Invalid({"engine_id": [Problem("invalid_reference", app.features.explain_off(missing.plugin, "this engine"))]})


class Versions(Collection):
    """The versions of an agent's definition; each change creates one."""

    record = AgentVersion
    events = "agents"
    noun = "versions"
    parent = Parent(Agents, "agent_id")
    paths: ClassVar[Mapping[str, str]] = {"": "/agents/{agent_id}/versions"}
    reply = schemas.VersionOut()
    query = ListQuery(schemas.VersionOut(), filters=(), sorts=("number", "created_at"), default="-number")
    operations: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "list": {"summary": "List the versions of an agent's definition, newest first."}
    }


class OldAgents(Agents):
    """Agents as of a version."""

    paths: ClassVar[Mapping[str, str]] = {"restore": "/agents/{agent_id}/versions/{number}/restore"}

    def find(self, req: Request, **ids: str) -> Agent:
        """Return the agent, if it is visible to the caller and has the version in the path."""
        agent: Agent = super().find(req, agent_id=ids["agent_id"])
        if not 1 <= id_from_path(ids["number"]) <= agent.agent_version:
            raise not_found()
        return agent

    @operation("update", reply="reply", message="Version restored.")
    def on_post_restore(self, req: Request, resp: Response, agent_id: str, number: str) -> None:
        """Restore an earlier version's definition as a new version."""
        resp.media = service.restore(req.target, id_from_path(number))
