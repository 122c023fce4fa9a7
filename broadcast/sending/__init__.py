"""Sending the deliveries of a batch, keeping the answers, retrying by the clock."""
