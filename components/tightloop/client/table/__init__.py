"""Topics as tables: one row a record, columns from its schema, as files or as pandas frames."""
