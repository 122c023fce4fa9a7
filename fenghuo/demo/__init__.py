"""``fenghuo demo``: the whole system with an invented district, and the two stories it was built for."""

from fenghuo.demo.command import demo

__all__ = ["demo"]
