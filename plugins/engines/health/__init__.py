"""Whether an engine is called at all: its circuit breaker, and the halts by people."""
