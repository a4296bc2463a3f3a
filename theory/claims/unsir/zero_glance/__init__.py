"""Claims; see theory.claims for how they are found."""
