"""The start of a run: startable objects, origins, and the events that a run may listen to."""
