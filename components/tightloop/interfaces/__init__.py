"""The classes that a notebook or a service of one's own uses: the same handlers as on Kafka, driven in process."""
