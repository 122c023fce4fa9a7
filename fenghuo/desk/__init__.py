"""The desk: what people look at now, in Redis; a fold of the events."""
