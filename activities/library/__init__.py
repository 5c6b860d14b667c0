"""The actions of the shipped examples; served only where asked for."""
