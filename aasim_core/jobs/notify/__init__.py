"""How workers learn of new jobs, without looking into the table all the time."""
