"""Questions of a run to people."""
