"""Graders: their types, and the built-in ones."""
