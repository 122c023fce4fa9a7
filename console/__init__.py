"""The room where people look and decide; reads the desk, publishes decisions, changes nothing itself."""
