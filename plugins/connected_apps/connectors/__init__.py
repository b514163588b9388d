"""The connectors that come with the plugin; each loads its library when it is used."""
