"""The run of an agent: the conversation with its engine, its output, and its assessment."""
