"""The inverted index of patterns, the index of cluster exemplars, and their weights."""
