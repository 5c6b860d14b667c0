"""What replays: the language of definitions, their expressions, the wire, and the engine."""
