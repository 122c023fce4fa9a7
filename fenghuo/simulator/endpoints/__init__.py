"""The HTTP endpoints of the simulation: the platforms' own, and /sim/ to watch and to steer it."""
