"""Simulation of schedules: their due times, and the outcome of each."""
