"""Organizations, who belongs to them, and what a process must know of one."""
