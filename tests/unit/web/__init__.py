"""Unit tests of the web kit both APIs stand on; no database, no server."""
