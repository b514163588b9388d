"""The examples of the pages in other languages: a block of commands with curl, as Python and as TypeScript."""
