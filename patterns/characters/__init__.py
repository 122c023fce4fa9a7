"""Character tables for normalising, and the sources that they are built from."""
