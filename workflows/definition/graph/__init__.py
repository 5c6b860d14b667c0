"""The steps of a definition as graphs: places, edges, order."""
