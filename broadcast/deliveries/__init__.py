"""The pure rules of one delivery: requests, receipts, and whether a group may still get it."""
