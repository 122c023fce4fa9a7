"""Two transports, one pipeline: a stage is a function from a batch of events to an outcome, and touches neither.

``pipeline`` has what both share; ``kafka`` and ``redis`` commit an outcome each in its own way.
"""
