"""Readers and writers of basis files, one module per format."""
