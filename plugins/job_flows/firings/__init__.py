"""Firings: what starts runs of a flow, and how long its rows are kept."""
