"""One turn of a run: from a claimed job to a written outcome."""
