"""Reading the tables that offices send."""
