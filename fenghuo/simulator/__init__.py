"""``fenghuo simulate``: simulates the platforms and the people who tap, for training and tests.

It keeps its own count of what each group got. Its only interface is HTTP: it shares nothing with the rooms.
"""

from fenghuo.simulator.command import simulate

__all__ = ["simulate"]
