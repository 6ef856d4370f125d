"""Studies in optuna-dashboard: notes, figures and artifacts, and a server for this machine alone."""
