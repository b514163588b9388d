"""What is written of a run: its log, as a stream too, the kinds of its failures, and how long all is kept."""
