"""Publishing gates: checks of a listing before others see it."""
