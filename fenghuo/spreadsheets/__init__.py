"""Reads the spreadsheets and tables that offices send."""
