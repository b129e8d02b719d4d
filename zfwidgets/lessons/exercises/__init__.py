"""What can be asked: each exercise finds its answer in the records of whatever engine there is."""
