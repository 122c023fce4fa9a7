"""The pages of clusters: evidence, related clusters, corrections by people."""
