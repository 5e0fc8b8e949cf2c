"""tightloop: execution components for trading strategies over Kafka."""

__version__ = "0.1.0"
