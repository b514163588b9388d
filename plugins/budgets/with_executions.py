"""Find ended runs, if the plugin for them is enabled."""

from ..executions import service as executions

over_among = executions.over_among
