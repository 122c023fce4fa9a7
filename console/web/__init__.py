"""What every page stands on: dependencies, rendering, words, sessions, permissions, forms."""
