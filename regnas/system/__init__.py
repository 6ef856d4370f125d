"""What regnas asks of the machine: files, processes, optional packages."""
