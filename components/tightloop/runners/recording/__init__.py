"""What a partition of a component was given, and when, as records; and the same once more, into a fresh one."""
