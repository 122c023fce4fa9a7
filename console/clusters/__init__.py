"""The pages of clusters: evidence, related ones, a person's corrections."""
