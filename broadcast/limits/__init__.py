"""What holds a send back: circuit breakers, rates, fairness, concurrency, the last look."""
