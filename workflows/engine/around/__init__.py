"""What surrounds every step, one file each; `steps.py` has the list."""
