"""The command `scuttlekit`: a pub for somebody who runs it by hand."""
