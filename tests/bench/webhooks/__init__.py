"""J7: webhooks' deliveries."""
