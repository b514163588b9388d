"""Lists: query strings, filters, keyset pages, and rows as JSON."""
