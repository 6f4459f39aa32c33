"""How settings are read: where each value is looked up, what it may be, and what an error says about it."""
