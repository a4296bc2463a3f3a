"""Studies over grids of parameters, the datasets they make, the store that keeps them, and the evidence ledger."""
