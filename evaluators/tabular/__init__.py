"""The evaluator ``table``: looks recorded trainings up."""
