"""The health of engines: the circuit breaker, and halts by people."""
