"""The usage records of engine calls: an append-only row for each, with corrections as further rows."""
