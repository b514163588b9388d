"""What runs: the API process, the worker, both under one supervisor, and what must be there before they start."""
