"""Why numbers are as they are: failures by their kind, and what explains that a cost or a success changed."""
