"""The executing part of workflows: it reads a run's flow, computes, calls and waits, and writes the results.

`stored_flow` and `results` map the flow and the values to rows and back; `data` is the context of expressions. `turn.WorkflowTurn` is one
turn of a run, `outside` the work outside of it.
"""
