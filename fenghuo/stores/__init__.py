"""What people look at now, in Redis: the desk (a fold of the events), and what is in no event (auth,
quotas)."""
