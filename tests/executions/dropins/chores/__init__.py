"""Chores: a list of things to do, done one after the other."""

from aasim_core import Permission, Plugin, hookimpl, operation
from aasim_plugins.executions import service as executions
from aasim_plugins.executions.hookspecs import Finished, RunFailed, Runner
from aasim_plugins.executions.resources import ExecutionResource, accepted

plugin = Plugin("Chores", "A list of things to do, done one after the other.", requires=("executions",))


def start(app, principal, given, **more):
    return executions.start(
        app, "chores", given, label="chores", initiator_id=principal.user_id, api_key_id=principal.api_key_id, **more
    )


class Chores(ExecutionResource):
    """Starting chores."""

    paths = {"": "/chores"}

    @operation(
        "execute", body="body", reply="reply", status=202, also=(200,), waits=True, message="Execution queued.",
        refusals=("invalid_state", "queue_full"),
    )  # fmt: skip
    def on_post(self, req, resp):
        """Do a list of things."""
        accepted(self, req, resp, start(self.app, req.principal, req.body["input"], metadata=req.body["metadata"]))


def run(run):
    chores = run.execution.input
    if not isinstance(chores, list):
        raise RunFailed("not_a_list", "The input is not a list of things to do.")
    for chore in chores:
        run.log("chore_begun", "A chore is begun.", content=str(chore))
        run.step("chore", lambda chore=chore: f"{chore}: done")
    return Finished({"done": run.times("chore")})


@hookimpl
def permissions(app):
    return (Permission("chores:execute", "Do chores", roles=("builder", "operator")),)


@hookimpl
def routes(app):
    return (Chores(app),)


@hookimpl
def runners(app):
    def restart(execution, principal, same_version):
        app.rights.of(principal).require_at("chores:execute", execution.project_id)
        executions.refuse_unless_repeatable(execution)
        trigger = {"type": "retry", "id": execution.id}
        return start(app, principal, execution.input, retry_of=execution, trigger=trigger)

    return (Runner("chores", run=run, restart=restart),)
