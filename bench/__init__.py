"""How fast stackup is, beside whatever else runs Compose stacks on this machine. Standard library only."""
