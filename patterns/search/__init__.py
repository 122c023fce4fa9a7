"""The inverted index of patterns, the index of cluster exemplars, and the weights of their grams."""
