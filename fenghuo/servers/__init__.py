"""Starts the servers that the product and its tests need on this machine, without Docker."""
