"""Does it help? What training with generated spectra is worth to a regression on sites that it has not seen."""
