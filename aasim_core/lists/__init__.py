"""Lists: what a query string may ask of one, filters, keyset pages, and rows as JSON."""
