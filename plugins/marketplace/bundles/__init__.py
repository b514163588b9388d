"""Bundles: signed files that carry listings from one installation to another."""
