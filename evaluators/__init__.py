"""Evaluators: how good is an architecture on a data set?"""
