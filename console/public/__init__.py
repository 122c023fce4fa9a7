"""The public pages: warnings, CAP 1.2 documents, the Atom feed. No login."""
