"""Records at nodes of the organization's tree over REST: branches, departments, projects, and plugins' own kinds."""

from collections.abc import Sequence
from typing import Any, ClassVar

from ..access import moving, positions, tree
from ..access.delegation import Delegator
from ..access.members import require_visible_member
from ..access.records import Node
from ..context import current_organization
from ..data import records
from ..data.conditions import Condition
from ..errors import Invalid, Problem
from ..events.log import emit
from ..http.request import Request
from ..ids import new_id
from ..tenancy import epoch
from .collection import Collection

#: The kind of node that each field names.
_KIND_OF = {"branch_id": "branch", "department_id": "department", "parent_id": "department"}


class NodeCollection(Collection):
    """Records that each have a node of their own, with the same id.

    A subclass also sets `kind`, its kind of node, and `parents`: the fields that name its parent, the nearest first. Further ancestors
    follow from the nearest: a department in a department is in that one's branch. `people` are the fields that name members. Records that
    store their branch say ``carried = "id"`` in their ``Meta`` (see `tree.carry`).
    """

    kind: ClassVar[str]
    parents: ClassVar[Sequence[str]] = ()
    people: ClassVar[Sequence[str]] = ()
    node_field = "id"

    def find(self, req: Request, **ids: str) -> Any:
        """Return the record that the last id names, or the node of another kind below which a list is requested."""
        (name, node_id), *_ = reversed(ids.items())
        kind = name.removesuffix("_id")
        return super().find(req, **ids) if kind == self.kind else tree.find(node_id, kind)

    def allows(self, req: Request, permission: str, target: Any) -> bool:
        """Permission at the node itself; in an organization's list, callers see the nodes within their reach."""
        if isinstance(target, Node) and target.kind == "organization":
            return req.rights.has_anywhere(permission)
        return super().allows(req, permission, target)

    def moves(self, permission: str) -> bool:
        """Every permission: everything that belongs to the node moves with it."""
        return True

    def require_move(self, req: Request, record: Any, old: str | None, new: str | None) -> None:
        """The same for holders of positions above."""
        super().require_move(req, record, old, new)
        moving.require_positions(Delegator.of(self.app.rights, req.principal), self.app.models, record.id, old, new)

    def place(self, values: dict[str, Any], record: Any = None) -> str | None:
        """Return the parent node that these values name."""
        return next((at for field in self.parents if (at := values.get(field, getattr(record, field, None)))), None)

    def check(self, req: Request, values: dict[str, Any], record: Any = None) -> dict[str, Any]:
        """Check that the parent is visible to the caller and consistent, and that newly named people are visible members."""
        for field, permission in positions.of(self.record).items():
            if values.get(field, getattr(record, field, None)) != getattr(record, field, None):
                req.rights.require_at(permission, self.place(values) if record is None else record.id)
        for field in self.people:
            if values.get(field) != getattr(record, field, None):
                require_visible_member(Delegator.of(self.app.rights, req.principal), values.get(field), field)
        for field in self.parents:
            if values.get(field) != getattr(record, field, None):
                self._require_place(req, field, values.get(field))
        if record is None or self.place(values, record) != self.place({}, record):
            epoch.bump(current_organization())  # before reading the ancestors: concurrent moves there wait, or are waited for
        hangs = record is None or any(field in values for field in self.parents)
        return {**values, **self._way_up(values, record)} if hangs else values

    def create(self, req: Request, values: dict[str, Any]) -> Any:
        """Create its node, and write its record and the event."""
        node = tree.add(self.kind, new_id(self.record._meta.id_prefix), self.place(values), self._field(values))
        return super().create(req, {"id": node.id, **values})

    def change(self, req: Request, record: Any, values: dict[str, Any]) -> Any:
        """Write changed values, and move it with its subtree if its parent changes."""
        before, place = self.place({}, record), self.place(values, record)
        branch_id = getattr(record, "branch_id", None)
        changed = records.change(record, values)
        if place != before:
            moved = tree.move(record.id, place, self._field(values))
            if record.branch_id != branch_id:
                tree.carry(self.app.models, record.id, record.branch_id)
        if changed:
            along = {"moved_along": moved} if place != before else None
            emit(f"{self.events}.updated", record, changes=changed, data=along, secret_fields=self.secret_fields)
        return record

    def remove(self, req: Request, record: Any) -> None:
        """Delete it; Refused ``in_use``, with the list, while anything belongs to it."""
        self.refuse_in_use(record)
        tree.fell(record.id)
        super().remove(req, record)

    def below(self, node: Node) -> list[Condition]:
        """Return the condition that restricts a list to descendants of the node, at any depth."""
        if node.kind == "organization":
            return []

        column = getattr(self.record, next(field for field in self.parents if _KIND_OF[field] == node.kind))

        def within(start: Any, end: Any) -> Any:
            return column.in_(Node.select(Node.id).where((Node.path >= start) & (Node.path < end)))

        return [Condition(within, start=node.path, end=tree.beyond(node.path))]

    def _require_place(self, req: Request, field: str, node_id: str | None) -> None:
        """Raise Invalid for a parent that is not visible to the caller."""
        if node_id is not None and not req.rights.knows(node_id):
            raise Invalid({field: [Problem("invalid_reference", "There is no such place in the organization.")]})

    def _way_up(self, values: dict[str, Any], record: Any) -> dict[str, str | None]:
        """Return the ancestors beyond the nearest named one; Invalid where the values name others."""
        nearest = self._field(values, record)
        node = tree.parent_of(self.kind, self.place(values, record), nearest)
        way = {field: tree.nearest(node, _KIND_OF[field]) for field in self.parents if field != "parent_id"}
        for field, node_id in way.items():
            if values.get(field) not in (None, node_id):
                where = "another one" if node_id else "none"
                message = f"The {_KIND_OF[nearest]} is in {where}; leave this out, or write {node_id or 'null'}."
                raise Invalid({field: [Problem("invalid_reference", message)]})
        return way

    def _field(self, values: dict[str, Any], record: Any = None) -> str:
        """Return the field that names the parent, for error messages."""
        said = (field for field in self.parents if values.get(field, getattr(record, field, None)))
        return next(said, next(iter(self.parents), "parent_id"))
