"""The contract that every plugin keeps, kept by engines."""

from aasim_core.testing.contract import PluginContract
from aasim_core.testing.contract_terms import halt


class TestContract(PluginContract):
    """What every plugin promises."""

    plugin = "engines"
    companions = ("engine_scripted",)
    samples = {"POST /engines": {"name": "Mine", "provider": "scripted"}}
    before = {"POST /engines/{engine_id}/resume": halt}
    everywhere = dict.fromkeys(("GET /engines", "GET /engines/{engine_id}"), "an agent of a project runs on one of them")
