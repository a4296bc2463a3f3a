"""Paper GA, arXiv 2510.14844: gradient ascent, KKT points of margin maximisation."""
