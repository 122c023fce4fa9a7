"""What fraud looks like: normalising, entities, matching, clustering and redacting text.

Pure and synchronous: no clock, no files, no settings, no network; everything is handed in.
"""
