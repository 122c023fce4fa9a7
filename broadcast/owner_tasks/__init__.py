"""Mass-send tasks that the owners of groups tap: making them and polling the platforms."""
