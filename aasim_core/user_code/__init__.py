"""What users write and the platform evaluates: expressions, templates, JSON Schemas, patterns."""
