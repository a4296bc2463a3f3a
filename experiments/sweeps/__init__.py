"""The sweeps, one file each: a named grid and a pure function from a cell of it to named results."""
