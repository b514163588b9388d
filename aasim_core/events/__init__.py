"""Events: declarations, emission, the log and delivery."""
