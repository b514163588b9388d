"""Halting: a kill switch for objects that act by themselves; it stops them at once and loses nothing."""

from typing import TYPE_CHECKING, Any, ClassVar

from marshmallow import Schema as AnySchema

from ..clock import now
from ..data import records
from ..events.declarations import Event
from ..events.log import emit
from ..http.operations import operation
from ..http.request import Request, Response
from ..schemas.fields import Text
from ..schemas.schema import Schema


class HaltIn(Schema):
    """The reason for halting."""

    reason = Text(1, 500, required=True, example="An agent writes nonsense to customers.")


_REASON = Text(max_length=500, required=True, description="Why.")


class Halting:
    """Gives a `Collection` the operations ``halt`` and ``resume``, which its `paths` must include; its record has `halted_at`, null unless
    halted.

    They need the permission ``<plugin>:halt`` and emit ``<plugin>.halted`` and ``<plugin>.resumed``; see `events_of`. Repeating one changes
    nothing.
    """

    halt_body: ClassVar[AnySchema] = HaltIn()
    if TYPE_CHECKING:
        events: ClassVar[str]

        def present(self, record: Any) -> Any: ...

    @operation("halt", body="halt_body", reply="reply", message="{singular} halted.", while_archived=True)
    def on_post_halt(self, req: Request, resp: Response, **ids: str) -> None:
        """Halt everything that {one} does, within seconds.

        Nothing is lost, and nothing new starts until it is resumed.
        """
        if req.target.halted_at is None:
            self._switch(req.target, now(), "halted", {"reason": req.body["reason"]})
        resp.media = self.present(req.target)

    @operation("halt", reply="reply", message="{singular} resumed.")
    def on_post_resume(self, req: Request, resp: Response, **ids: str) -> None:
        """Resume {one} where it was halted."""
        if req.target.halted_at is not None:
            self._switch(req.target, None, "resumed", {})
        resp.media = self.present(req.target)

    def switching(self, target: Any) -> None:
        """Hook for further changes on halt or resume: runs first, in the same transaction."""

    def _switch(self, target: Any, moment: Any, event: str, data: dict[str, Any]) -> None:
        self.switching(target)
        records.change(target, {"halted_at": moment})
        emit(f"{self.events}.{event}", target, data=data)


def events_of(plugin: str, subject: str, called: str) -> tuple[Event, ...]:
    """Return the events that the plugin of a `Halting` collection declares; `subject` is the prefix of its ids."""
    return (
        Event(f"{plugin}.halted", f"{called} was halted", subject, {"reason": _REASON}),
        Event(f"{plugin}.resumed", f"{called} was resumed", subject),
    )
