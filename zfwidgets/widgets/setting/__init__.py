"""What can be set on a widget, observed and linked: its traits, options and arguments."""
