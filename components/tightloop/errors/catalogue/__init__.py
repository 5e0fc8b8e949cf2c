"""The catalogue of errors, a module for each family of codes; ``tightloop.errors`` puts them together."""
