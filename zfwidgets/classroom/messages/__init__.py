"""What crosses the wire: records as bytes, the table of what may be asked, and frames."""
