"""Everything with people: their taps, reminders and notices to them, replies to reporters."""
