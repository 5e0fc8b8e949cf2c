"""What ``tightloop demo`` trades, how it shows it, and what it says at the end."""
