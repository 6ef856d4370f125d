"""Storages of studies: opening, reading and writing them, leases and outages."""
