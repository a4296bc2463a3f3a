"""The studies, one file each; see :func:`experiments.study.all_studies` for how they are found."""
