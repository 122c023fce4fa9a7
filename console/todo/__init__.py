"""The officer's to-do list: warnings to relay, taps and their undo, own groups."""
