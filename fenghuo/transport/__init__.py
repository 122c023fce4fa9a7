"""Two transports, one pipeline: a stage turns a batch of events into an outcome and touches no broker.

``stage`` has the types, ``batch_runner`` runs a batch, ``kafka`` and ``redis`` read and commit.
"""
