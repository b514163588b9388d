"""What a call may take and what it took: limits, prices, meters and spans."""
