"""Reports: what an engine found, in one HTML file that is alive without kernel and network."""
