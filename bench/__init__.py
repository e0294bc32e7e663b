"""Measurements of a running server, from a process of their own."""
