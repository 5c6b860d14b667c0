"""What a run shows: current details, metrics, spans."""
