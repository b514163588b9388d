"""The contract that every plugin keeps, kept by the dashboard."""

from collections.abc import Mapping
from typing import ClassVar

from aasim_core.testing.contract import PluginContract


class TestContract(PluginContract):
    """What every plugin promises."""

    plugin = "dashboard"
    #: Two for each number.
    statements: ClassVar[Mapping[str, int]] = {"GET /organizations/{organization_id}/dashboard": 12}
