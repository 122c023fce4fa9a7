"""What every page uses: dependencies, rendering, words, sessions, permissions, forms. Knows no page."""
