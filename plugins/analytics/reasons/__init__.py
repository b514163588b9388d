"""Explanations: failures by kind, and the factors of a change in cost or success rate."""
