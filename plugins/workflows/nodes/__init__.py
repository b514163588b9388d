"""The types of nodes that workflows bring themselves, declared as those of other plugins are."""
