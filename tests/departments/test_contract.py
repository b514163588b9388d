"""The contract that every plugin keeps, kept by departments."""

from aasim_core.testing.contract import PluginContract


class TestContract(PluginContract):
    """What every plugin promises."""

    plugin = "departments"
    samples = {"POST /departments": {"name": "Care", "code": "CARE"}}
    rows = {
        "GET /organizations/{organization_id}/departments": "POST /departments",
        "GET /branches/{branch_id}/departments": "POST /departments",
    }
