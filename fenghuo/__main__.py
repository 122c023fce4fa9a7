"""``python -m fenghuo`` is ``fenghuo``."""

from fenghuo.commands import main

main()
