"""The contract that every plugin keeps, kept by projects."""

from aasim_core.testing.contract import PluginContract


class TestContract(PluginContract):
    """What every plugin promises."""

    plugin = "projects"
    samples = {
        "POST /projects": {"name": "Website", "key": "WEB"},
        "PUT /projects/{project_id}/status": {"status": "on_hold", "reason": "A test."},
    }
    rows = {"GET /departments/{department_id}/projects": "POST /projects"}
