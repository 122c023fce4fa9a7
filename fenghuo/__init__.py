"""The ground floor: the words that all rooms share."""
