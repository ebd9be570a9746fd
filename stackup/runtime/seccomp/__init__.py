"""Which system calls a container may make: rules by name, the default ones and those of files, compiled to BPF."""
