"""The page that ``forgetproof explore`` serves.

Everything is computed and drawn by plain functions, state -> result -> numbers and pictures; ``notebook.py`` only
wires them to widgets.
"""
