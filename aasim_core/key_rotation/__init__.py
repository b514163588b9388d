"""Key rotation: which keys are still in use, and sealing stored values again with the newest one."""
