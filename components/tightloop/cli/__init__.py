"""The command line, ``tightloop``: light to start, as each command imports what it needs when it runs."""
