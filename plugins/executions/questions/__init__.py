"""Questions of a run to people: how one is asked, and who may answer it."""
