"""What authors of plugins are given: a plugin to begin with, and the next migration."""
