"""The core's own migrations."""
