"""What the Lambda environment does and says: its function, its start, its end."""
