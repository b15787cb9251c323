"""`mimo doctor`: looks at everything and says in sentences what is wrong and what to do; it changes nothing."""
