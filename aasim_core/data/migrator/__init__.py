"""Numbered files of changes, and the one that runs them."""
