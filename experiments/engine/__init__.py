"""Sweeps over grids of cells: what one is, its grid, the store that loses nothing, and the runner."""
