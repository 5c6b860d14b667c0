"""What Temporal's service says about runs, in this project's words: descriptions, lists, and errors."""
