"""What the graph of a workflow decides, and nothing else: no clock, no database, no values.

`graph` is the definition as the kernel sees it, `flow` a run of it; `decide` is the one function that changes a flow.
"""
