"""From a configuration to running components: what a component is made of, and the process it runs in."""
