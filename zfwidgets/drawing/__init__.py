"""Charts and tables that all experiments draw with."""
