"""The part of scuttlekit that machines get: modules that need the standard library alone."""
