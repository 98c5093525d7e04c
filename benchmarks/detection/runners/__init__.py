"""One file a tool: each says of one backward whether the tool found something wrong with it, and how long it took."""
