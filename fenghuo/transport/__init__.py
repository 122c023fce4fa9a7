"""Two transports, one pipeline: a stage turns a batch of events into an outcome, and touches neither.

``pipeline`` has the words, ``workbench`` runs a batch; ``kafka`` and ``redis`` commit each in its own way.
"""
