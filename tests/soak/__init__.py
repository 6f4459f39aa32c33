"""A soak: units of work in function processes, faults at random, and an invariant at the end that can fail."""
