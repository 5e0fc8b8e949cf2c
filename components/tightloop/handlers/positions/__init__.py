"""The position update handler: expected positions, and a version for each change of them."""
