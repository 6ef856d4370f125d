"""Running a study: the driver, the candidates in flight, what lies on disk, what the user sees."""
