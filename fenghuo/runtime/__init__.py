"""What every room's process needs: its life cycle and its logs."""
