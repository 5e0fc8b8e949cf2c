"""The rules, each a pure function of what was collected and of the terms, giving the violations it finds."""
