"""The desk: what people look at now, in Redis; a fold of the events.

One file per noun: what it takes from which event (``FOLDS``), its reads, and the format of what it stores.
"""
