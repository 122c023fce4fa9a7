"""What people do and are told: taps, reminders, notices, replies to reporters."""
