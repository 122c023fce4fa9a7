"""How channels speak HTTP: one client, and the guard of the addresses that it connects to."""
