"""The learned judge: whose voice a message is, what fraud it is about, and what is asked for in it."""
