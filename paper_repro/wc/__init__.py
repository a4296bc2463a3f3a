"""Paper WC, arXiv 2403.07362: worst-case forget sets."""
