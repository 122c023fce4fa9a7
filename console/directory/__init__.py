"""The pages and commands of groups and people: lists, imports, coverage."""
