"""Statements as code: in Python and in TypeScript, in lines of a readable length."""
