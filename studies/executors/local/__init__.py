"""Workers on this machine: processes, or this process itself."""
