"""The benchmarks: processes that spare what the rooms spare."""

from fenghuo.commands import limit_library_threads

limit_library_threads()
