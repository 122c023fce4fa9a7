"""The room that recognises, clusters, drafts and decides. It reads and writes topics; people never reach
it."""
