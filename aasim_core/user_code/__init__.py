"""User-written code evaluated by the platform: expressions, templates, JSON Schemas, patterns."""
