"""The floor: the same answers by hand, in as few steps as there can be."""
