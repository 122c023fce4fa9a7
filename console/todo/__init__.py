"""The officer's to-do: warnings to relay, taps, undo, own groups."""
