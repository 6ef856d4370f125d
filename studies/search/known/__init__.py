"""What a search knows of before it starts: networks to evaluate, trials of another study, textbook networks."""
