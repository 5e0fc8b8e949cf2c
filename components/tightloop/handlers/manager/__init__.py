"""The interface manager: each key's slot, queue, halts and deadlines."""
