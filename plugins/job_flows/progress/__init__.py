"""How flows do: their state, their figures, and what their owners are told."""
