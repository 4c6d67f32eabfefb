"""Why mail fails: the catalogue of causes, and the one classifier that names a cause for a delivery report."""
