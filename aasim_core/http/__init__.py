"""What operations, requests and answers are: bodies, envelopes, errors, limits, and other protocols beside the API."""
