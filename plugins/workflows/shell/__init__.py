"""The part of workflows that does what the kernel decides: it reads a run's flow, computes, calls and waits, and writes what came of it.

`stored_flow` and `results` map the flow and the values to rows and back; `data` is what expressions see. `turn.WorkflowTurn` is one turn
of a run, `outside` what goes on outside of it.
"""
