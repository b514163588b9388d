"""The core's commands; `aasim_core.cli` finds them by name and imports a module when its command is called."""
