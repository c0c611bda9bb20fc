"""Whether the service can do its work: each thing that it needs is asked, and named when it fails."""
