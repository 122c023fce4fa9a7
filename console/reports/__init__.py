"""The pages of reports: the queue, the report form, urgent reports."""
