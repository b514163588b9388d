"""Organizations, their members, and their cached state."""
