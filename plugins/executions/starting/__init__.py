"""What a run starts with: what can be started, where it comes from, and the events that it may listen to."""
