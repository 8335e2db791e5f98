"""What is measured, and runs of several programs in turns."""
