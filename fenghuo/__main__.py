"""``python -m fenghuo`` is ``fenghuo``."""

from fenghuo.cli import main

main()
