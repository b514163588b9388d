"""The exception of a failed node."""

from ...executions.hookspecs import ToolError


class NodeFailed(ToolError):
    """The node cannot do what it is to do: `code` for programs, `message` for people; of a call, its effect may be `unknown`."""

    def __init__(self, code: str, message: str, *, unknown: bool = False) -> None:
        super().__init__(message, unknown=unknown, code=code)
