"""Which runs are over, where the plugin that runs agents is on."""

from ..executions import service as executions

over_among = executions.over_among
