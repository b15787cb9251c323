"""Unit tests of the command API's rules and its write path; no database, no server."""
