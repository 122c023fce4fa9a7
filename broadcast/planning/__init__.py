"""From a release to deliveries: the planner, its parts, and what a recall does to what is out."""
