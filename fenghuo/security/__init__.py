"""Passwords, sealed values, credentials."""
