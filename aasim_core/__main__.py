"""``python -m aasim_core``: the command line, where the script `aasim` is not on the path."""

from .cli import main

main()
