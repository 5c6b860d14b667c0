"""How runs look: trees, lines, tables and diagrams. Nothing here asks a server."""
