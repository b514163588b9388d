"""J5 and J6: runs of workflows."""
