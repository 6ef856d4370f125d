"""Other frameworks that regnas works inside of, or beside. Each is optional, and imported when it is needed."""
