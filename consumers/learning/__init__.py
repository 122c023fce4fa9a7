"""Learning: the judge's weights from examples, and what a change of them would do."""
