"""Paper UNSIR, arXiv 2111.08947: class unlearning by error-maximising noise, impair and repair."""
