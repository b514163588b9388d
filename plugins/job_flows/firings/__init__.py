"""Firings: each due time or trigger of a flow, and the run that it starts."""
