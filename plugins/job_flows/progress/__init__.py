"""The progress of flows: their health, statistics, deadlines, and mails to owners."""
