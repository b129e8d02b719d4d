"""What recordings are made of, one function each, which tests call with less to do."""
