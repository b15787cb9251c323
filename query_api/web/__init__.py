"""The pages that the query API serves, and what they are made of: HTML, CSS and ES modules, as they are."""
