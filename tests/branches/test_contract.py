"""The contract that every plugin keeps, kept by branches."""

from aasim_core.testing.contract import PluginContract


class TestContract(PluginContract):
    """What every plugin promises."""

    plugin = "branches"
    samples = {"POST /branches": {"name": "Vienna", "code": "VIE"}}
    rows = {"GET /organizations/{organization_id}/branches": "POST /branches"}
