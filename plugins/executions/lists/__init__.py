"""Lists of runs: what can be asked of them, and their labels."""
