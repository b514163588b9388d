"""Operations, requests and responses: bodies, envelopes, errors, limits, and protocols outside the API."""
