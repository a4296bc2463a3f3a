"""Paper FT, arXiv 2410.03833: why fine-tuning does not forget, in over-parameterised linear regression."""
