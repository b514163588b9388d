"""When flows come due: their records as the kernel's values, and the job that looks for what is due."""
