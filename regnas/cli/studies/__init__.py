"""Commands on one study: search, train, report, and the dashboard."""
