"""A whole system on this machine: its processes, their supervisor, and the file with their state."""
