"""Text formats: JSON, base64url, slugs, and suggestions for misspelled names."""
