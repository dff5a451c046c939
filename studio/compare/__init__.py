"""One prompt to several contestants."""
