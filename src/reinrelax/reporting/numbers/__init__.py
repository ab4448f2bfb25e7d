"""What the tables hold: one module a group of the paper's tables and figures, results in, tidy rows out."""
