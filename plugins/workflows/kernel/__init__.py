"""The kernel of workflows: it decides what a graph does next, without clock, database or values.

`graph` is the definition as the kernel sees it, `flow` a run of it; `decide` is the one function that changes a flow.
"""
