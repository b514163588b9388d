"""Eligibility: who may decide an approval, and which approvals a person sees."""
