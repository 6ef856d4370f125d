"""Running a benchmark: problems, simulated clusters, real trainings, their records."""
