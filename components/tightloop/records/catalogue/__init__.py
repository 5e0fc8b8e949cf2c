"""The catalogue of errors, a module for each family of codes; ``tightloop.records.errors`` puts them together."""
