"""The durable journal of an engine in process: one local file, locked, that a broker's topics need not be there for."""
