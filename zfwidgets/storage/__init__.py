"""Files of ours: written whole or not at all, by one writer a folder, with checksums."""
