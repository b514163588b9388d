"""The log of a run: lines, streams, kinds of failures, and retention."""
