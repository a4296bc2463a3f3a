"""Labelled images for the experiments: read, cached as arrays, normalised and augmented."""
