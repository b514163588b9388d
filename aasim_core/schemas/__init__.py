"""Bodies and responses: fields, schemas, and their examples."""
