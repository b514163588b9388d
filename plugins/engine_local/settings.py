"""The section ``[engine_local]`` of the settings."""

from dataclasses import dataclass
from pathlib import Path

from aasim_core.settings import setting
from aasim_core.settings.checks import at_least, between

from .fetch import FILE_NAME


@dataclass(frozen=True)
class LocalSettings:
    """How the embedded model runs."""

    model_path: Path = setting(
        Path("{data_dir}/models") / FILE_NAME, 'The model, a GGUF file; "aasim engines fetch" gets the default one.'
    )
    model_name: str = setting("smollm2-135m-instruct", "What the model is called in replies and logs.")
    fold_system_prompt: bool = setting(
        default=True, help="Give the instructions as a part of the user's turn; SmolLM2 follows them only there."
    )
    context_tokens: int = setting(2048, "How many tokens the model sees at once; more cost memory.", check=between(256, 131_072))
    threads: int = setting(1, "Threads that generate; more than there are free cores make it far slower.", check=between(1, 256))
    batch_threads: int = setting(2, "Threads that read the prompt.", check=between(1, 256))
    sleep_idle_seconds: int = setting(
        300, "After so long without a call the model leaves memory; -1 is never.", check=at_least(-1)
    )
    start_seconds: float = setting(30.0, "How long the engine host may take to start.", check=between(1, 600))
