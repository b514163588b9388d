"""The bundled plugins, imported as `aasim_plugins`: setup.cfg maps that name to this folder."""

if __name__ != "aasim_plugins":
    raise ImportError(f"the folder plugins/ was imported as {__name__!r}; write: from aasim_plugins import …")
