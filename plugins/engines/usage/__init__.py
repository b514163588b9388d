"""Usage of engine calls: limits, prices, meters and spans."""
