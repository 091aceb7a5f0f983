"""What is left of the money when processes are killed."""
