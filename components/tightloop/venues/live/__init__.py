"""Live exchanges, through ccxt: what all of them share is written once; what differs stands in one file an exchange."""
