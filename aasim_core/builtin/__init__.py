"""The core's own features, declared in the same form as a plugin's."""
