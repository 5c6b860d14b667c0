"""A definition as a graph: its plan, and who may start when. Pure."""
