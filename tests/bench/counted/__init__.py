"""`bin/bench analytics`: a month of executions, the rollup of it, and how long answers about it take."""
