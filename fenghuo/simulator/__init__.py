"""``fenghuo simulate``: stands in for the platforms and for the people who tap, to train and to test with.

It keeps its own count of what each group got. Its only way in is HTTP: it shares nothing with the rooms.
"""

from fenghuo.simulator.command import simulate

__all__ = ["simulate"]
