"""What a curator edits: everyday messages, trusted senders, cues, hook phrases, placeholders. No logic."""
