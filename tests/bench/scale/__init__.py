"""`bin/bench scale`: every list of an installation with a lot of data, with every order and every filter, for four callers."""
