"""The contract that every plugin keeps, kept by activities."""

from aasim_core.testing.contract import PluginContract


class TestContract(PluginContract):
    """What every plugin promises."""

    plugin = "activities"
    companions = ("agents",)
    rows = {"GET /activities": "POST /agents", "GET /activities/user/{user_id}": "POST /agents"}
    traces = {"activity_id": "POST /agents"}
    members = {"/activities/user/{user_id}": lambda world, person, ids: person.user_id}
