"""The catalog of an installation: its plugins, their parts, and its events."""
