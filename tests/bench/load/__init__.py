"""What the contestants are asked: requests and executions, sent by a process of its own."""
