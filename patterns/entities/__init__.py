"""Finding, checking, masking and redacting links, numbers and accounts in a text."""
