"""Passwords and tokens, sealed addresses, credentials of platforms."""
