"""Folders of pictures: what lies in them, what it means, what is odd about it, and their pixels."""
