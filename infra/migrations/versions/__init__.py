"""The revisions, oldest first. One that was shipped never changes; a mistake in it is mended by a later one."""
