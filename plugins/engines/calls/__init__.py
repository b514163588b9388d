"""What calls of engines took and cost: a row for each, which is never changed; corrections are rows of their own."""
