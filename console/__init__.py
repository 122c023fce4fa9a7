"""The console: the web application for officers, analysts, approvers. Reads the desk, publishes decisions."""
