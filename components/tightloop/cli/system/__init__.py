"""A whole system on this machine: its processes, who watches over them, and where that is written down."""
