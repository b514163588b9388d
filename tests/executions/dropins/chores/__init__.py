"""Chores: a list of things to do, done one after the other."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, ClassVar

from aasim_core import App, Permission, Plugin, Request, Resource, Response, hookimpl, operation
from aasim_core.tenancy.principal import Principal
from aasim_plugins.executions import service as executions
from aasim_plugins.executions.hookspecs import Finished, Run, RunFailed, Runner
from aasim_plugins.executions.models import Execution
from aasim_plugins.executions.resources import ExecutionResource, accepted

plugin = Plugin("Chores", "A list of things to do, done one after the other.", requires=("executions",))


def start(app: App, principal: Principal, given: Any, **more: Any) -> Execution:
    return executions.start(
        app, "chores", given, label="chores", initiator_id=principal.user_id, api_key_id=principal.api_key_id, **more
    )


class Chores(ExecutionResource):
    """Starting chores."""

    paths: ClassVar[Mapping[str, str]] = {"": "/chores"}

    @operation(
        "execute", body="body", reply="reply", status=202, also=(200,), waits=True, message="Execution queued.",
        refusals=("invalid_state", "queue_full"),
    )  # fmt: skip
    def on_post(self, req: Request, resp: Response) -> None:
        """Do a list of things."""
        accepted(self, req, resp, start(self.app, req.principal, req.body["input"], metadata=req.body["metadata"]))


def run(run: Run) -> Finished:
    chores = run.execution.input
    if not isinstance(chores, list):
        raise RunFailed("not_a_list", "The input is not a list of things to do.")
    for chore in chores:
        run.log("chore_begun", "A chore is begun.", content=str(chore))
        run.step("chore", partial("{}: done".format, chore))
    return Finished({"done": run.times("chore")})


@hookimpl
def permissions(app: App) -> Sequence[Permission]:
    return (Permission("chores:execute", "Do chores", roles=("builder", "operator")),)


@hookimpl
def routes(app: App) -> Sequence[Resource]:
    return (Chores(app),)


@hookimpl
def runners(app: App) -> Sequence[Runner]:
    def restart(execution: Execution, principal: Principal, same_version: bool) -> Execution:
        app.rights.of(principal).require_at("chores:execute", execution.project_id)
        executions.refuse_unless_repeatable(execution)
        trigger = {"type": "retry", "id": execution.id}
        return start(app, principal, execution.input, retry_of=execution, trigger=trigger)

    return (Runner("chores", run=run, restart=restart),)
