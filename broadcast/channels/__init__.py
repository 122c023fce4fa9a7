"""One adapter for each way to a group, all of one shape: ``send`` says what the platform's body said."""
