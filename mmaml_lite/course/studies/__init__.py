"""What lessons compute: pure functions from models and tasks to the arrays of a figure."""
