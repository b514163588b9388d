"""A kind of run that the old version does not have."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import ClassVar

from aasim_core import App, Permission, Plugin, Request, Resource, Response, hookimpl, operation
from aasim_plugins.executions import service as executions
from aasim_plugins.executions.hookspecs import Finished, Run, Runner
from aasim_plugins.executions.resources import ExecutionResource, accepted

plugin = Plugin("Stocktaking", "Counts what there is.", requires=("executions",))


class Stocktakings(ExecutionResource):
    """Starting to count."""

    paths: ClassVar[Mapping[str, str]] = {"": "/stocktaking"}

    @operation(
        "execute", body="body", reply="reply", status=202, also=(200,), waits=True, message="Execution queued.",
        refusals=("invalid_state", "queue_full"),
    )  # fmt: skip
    def on_post(self, req: Request, resp: Response) -> None:
        """Count what is in the list."""
        given, who = req.body["input"], req.principal
        accepted(self, req, resp, executions.start(self.app, "stocktaking", given, label="stock", initiator_id=who.user_id))


def count(run: Run) -> Finished:
    """Count in a step."""
    return Finished(run.step("count", partial(len, run.execution.input)))


@hookimpl
def permissions(app: App) -> Sequence[Permission]:
    """Who may count."""
    return (Permission("stocktaking:execute", "Count what there is"),)


@hookimpl
def routes(app: App) -> Sequence[Resource]:
    """The endpoint under /stocktaking."""
    return (Stocktakings(app),)


@hookimpl
def runners(app: App) -> Sequence[Runner]:
    """What counts."""
    return (Runner("stocktaking", run=count),)
