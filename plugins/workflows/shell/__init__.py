"""The shell of workflows: read a run's flow, compute, call and wait, and write the results.

`stored_flow` and `results` map the flow and the values to rows and back; `data` is the context of expressions. `turn.WorkflowTurn` is one
turn of a run, `outside` the work outside of it.
"""
