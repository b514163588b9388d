"""Probes of how rubrics use graders, for the contract suite."""

from secrets import token_hex

from aasim_core.testing.switched_off import Probe, Probes, Trial, Use, told

from . import service


def _scored(trial: Trial) -> Use:
    """A rubric with a criterion of the grader scores something."""
    client = trial.person.client
    engine_id = client.get("/engines?provider=scripted").data["items"][0]["id"]
    criterion = {"key": "probe", "weight": 1, "grader": trial.name, "parameters": {}, "scale": None, "must_pass": False}
    with trial.writing():
        rubric = service.create(engine_id, {"name": f"Probe {token_hex(4)}", "criteria": [criterion]})
    path = f"/engines/{engine_id}/rubrics/{rubric.id}/score"
    return lambda: told(client.post(path, {"input": "?", "output": "!"}))


PROBES: Probes = {"graders": (Probe(_scored, says="The plugin {plugin}, which provides the grader"),)}
