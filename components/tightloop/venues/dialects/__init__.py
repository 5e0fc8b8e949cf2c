"""Local servers that speak the REST dialects of real exchanges, on the engine of the simulated venues."""
