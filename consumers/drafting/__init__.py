"""The draft of a warning and its check before release: text, quotation, severity, what must be cleared."""
