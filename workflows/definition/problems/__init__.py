"""What is reported about a definition: codes, places, sentences."""
