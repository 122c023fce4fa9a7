"""What a room's process stands on: its life cycle and its logs."""
