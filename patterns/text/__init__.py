"""A text in the form in which it is compared: normalised, with slots."""
