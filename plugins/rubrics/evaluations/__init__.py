"""Evaluations: a version of an agent tried with a rubric's examples, and compared with another."""
