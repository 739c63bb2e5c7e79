"""One module for each layout of the tables that fitting programs write."""
