"""The benchmarks: processes that spare what the rooms spare."""

from fenghuo.cli import spare

spare()
