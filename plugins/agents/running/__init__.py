"""Running an agent: the conversation with its engine, its output, and its assessment."""
