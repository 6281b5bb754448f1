"""The method and its training; it knows no domain, no plot and no widget."""
