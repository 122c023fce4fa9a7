"""Brings up, on this machine and without Docker, the servers that the product and its tests need."""
