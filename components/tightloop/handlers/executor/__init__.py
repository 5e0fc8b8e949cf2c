"""The executor of a lane: journals, acts, finds out, reports."""
