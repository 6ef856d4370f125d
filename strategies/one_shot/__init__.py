"""Strategies that train one network which holds all others."""
