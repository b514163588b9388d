"""What is there without any plugin, declared in the terms of one."""
