"""HTTP as the channels need it: one attempt, of which it is known whether the request may have left."""
