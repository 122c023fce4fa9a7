"""What everybody may read: warnings, CAP 1.2, the Atom feed."""
