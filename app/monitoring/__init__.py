"""Watching the portal and the worker: whether they work, how fast, and what went wrong.

Only figures and states are kept here, and no text that anybody wrote or asked.
"""
