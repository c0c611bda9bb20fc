"""The command `scuttlekit`, for running a pub by hand."""
