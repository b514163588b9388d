"""Declaring, emitting, logging and delivering what happened."""
