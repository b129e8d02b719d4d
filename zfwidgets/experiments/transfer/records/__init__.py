"""What a transfer finds: accuracies and average precisions, and sentences on them; no torch."""
