"""Which keys are needed, and sealing stored values anew."""
