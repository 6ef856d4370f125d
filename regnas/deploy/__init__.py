"""What runs elsewhere: networks as files of other runtimes."""
