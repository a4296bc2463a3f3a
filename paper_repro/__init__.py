"""Papers reproduced: one folder each with its targets and how they are measured; the report is made here."""
