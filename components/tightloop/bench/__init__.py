"""What the loop costs, beside a ring of processes that only pass a record on. ``docs/bench.md`` says how to read it."""
