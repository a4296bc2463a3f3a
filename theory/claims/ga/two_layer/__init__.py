"""Claims on two-layer ReLU networks."""
