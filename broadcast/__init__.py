"""The room that delivers: plans the deliveries of a release, sends them, keeps the proof."""
