"""Usage of a plan: counted, limited and reported."""
