"""Workflows of the Serverless Workflow DSL 1.0 (serverlessworkflow.io), imported as definitions."""

from .document import SERVERLESS_WORKFLOW

__all__ = ["SERVERLESS_WORKFLOW"]
