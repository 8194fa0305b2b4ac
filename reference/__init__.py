"""The solutions. Each file here is the single source from which its starter is generated."""
