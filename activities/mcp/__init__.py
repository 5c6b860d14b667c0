"""Tools of MCP servers: which servers there are, their sessions, what they offer, and the activity that calls them."""
