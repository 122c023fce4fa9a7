"""The pure core that all rooms share: events, an alert's life, channels, routing, audience, ledger."""
