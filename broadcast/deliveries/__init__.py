"""The pure rules of one delivery: what is requested, what an attempt leads to, who may still get it."""
