"""The contract that every plugin keeps, kept by api_keys."""

from aasim_core.testing.contract import PluginContract


class TestContract(PluginContract):
    """What every plugin promises."""

    plugin = "api_keys"
    samples = {
        "PUT /api-keys/{api_key_id}": {"name": "Another", "scopes": ["api_keys:read"]},
        "PATCH /api-keys/{api_key_id}": {"name": "Another"},
    }
    unasked = {"api_keys:manage": "It widens the others to the keys of every member."}
