"""Clusters of reports that match no known pattern: grown by new reports, corrected by people."""
