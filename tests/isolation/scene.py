"""An organization with everybody whose rights somebody could want: owners and admins, invited ones, service users, teams, heads.

And with a job flow of a builder that other systems start.
"""

from itertools import count
from typing import Any

from aasim_core.access.records import Node
from aasim_core.context import organization_scope
from aasim_core.testing.contract.stage import Stage
from aasim_core.testing.principals import key_of, member_with
from aasim_core.testing.world import Person

from .gains import Control

_numbers = count(1)


class Scene:
    """The organization, and a caller who holds one permission, besides seeing everything and being an admin at a place of their own.

    Without `narrow` they hold it in the whole organization, else in one project.
    """

    def __init__(self, stage: Stage, permission: str | None, *, narrow: bool) -> None:
        self.stage = stage
        self.owner = stage.world.organization()
        self.home = self._make("/departments", name="Home")
        self.project = self._make("/projects", name="Target")
        self._people()
        self._hook(stage.world.member(self.owner, "builder"))
        reads = {name for name in stage.app.permissions if name.endswith(":read")}
        held = reads | ({permission} if permission else set())
        self.caller = member_with(stage.world, self.owner, held, self.project if narrow else None)
        self._give("users", self.caller.user_id, "admin", "department", self.home)
        if narrow:
            reader = self._make("/roles", name="Reader", permissions=sorted(reads))
            self._make(f"/users/{self.caller.user_id}/assign", role_id=reader, place={"type": "organization"})
        self._make("/teams", name="Mine", lead_id=self.caller.user_id)
        key_of(stage.app, self.caller, ())
        with organization_scope(self.owner.organization_id):
            places = frozenset(node.id for node in Node.select(Node.id))
        self.control = Control(stage.app, self.owner.organization_id, self.caller.user_id, places)

    def _people(self) -> None:
        boss, peer = self.stage.world.member(self.owner, "admin"), member_with(self.stage.world, self.owner, ())
        self._make("/departments", name="Led by the peer", head_id=peer.user_id)
        care = self._make("/departments", name="Care", head_id=boss.user_id)
        self._make("/projects", name="In care", department_id=care)
        self._make("/branches", name="Vienna", manager_id=boss.user_id)
        for role in ("owner", "admin"):
            self._make("/users", name="Guest", email=f"guest{next(_numbers)}@example.org", role=role)
        bot = self._make("/users", name="Bot", kind="service", role="admin")
        self._make("/api-keys", name="Key of the bot", user_id=bot, scopes=sorted(self.stage.app.permissions))
        admins = self._make("/teams", name="Admins", lead_id=boss.user_id)
        self._give("teams", admins, "admin", "organization", self.owner.organization_id)
        self._make("/roles", name="Empty", permissions=[])
        self._give("teams", self._make("/teams", name="Others"), "Empty", "organization", self.owner.organization_id)

    def _hook(self, builder: Person) -> None:
        agent = {"type": "agent", "id": builder.client.post("/agents", {"name": "Started by others"}).data["id"]}
        hook = {"type": "webhook", "verification": {"scheme": "none"}}
        flow = {"name": "Hook", "target": agent, "input": "What is new?", "trigger": hook}
        assert builder.client.post("/job-flows", flow).status == 201

    def _give(self, plural: str, subject_id: str, role: str, kind: str, place: str) -> None:
        self._make(f"/{plural}/{subject_id}/assign", role=role, place={"type": kind, "id": place})

    def _make(self, path: str, **values: Any) -> str:
        return str(self.owner.client.post(path, values).data["id"])
