"""How the platform writes: JSON, base64url, slugs, and what somebody may have meant."""
