"""Statistics of populations: functions on arrays of errors, each with its source. Nothing here draws or prints."""
