"""The evaluator ``zero-cost``: scores of networks that are not trained."""
