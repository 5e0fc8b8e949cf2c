"""The quality gates: by section, whether the system does what it promises, tried on the thing itself."""
