"""The contract that every plugin keeps, kept by permissions."""

from aasim_core.testing.contract import PluginContract


class TestContract(PluginContract):
    """What every plugin promises."""

    plugin = "permissions"
    samples = {"POST /permissions/explain": {"permission": "permissions:read"}}
    objects = {"permission_id": lambda world, person: "permissions:read"}
    fixed = {"GET /permissions": "Plugins declare them."}
    unasked = {"permissions:explain": "It is asked for where the question is about somebody else."}
    silent = {"POST /permissions/explain": "It answers a question."}
