"""Evaluations: run a version of an agent on a rubric's examples, and compare it with another."""
