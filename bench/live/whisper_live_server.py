"""WhisperLive's own server on a port, with one model for all clients: whisper_live_server.py FOLDER PORT

PyTorch, a gigabyte, is only asked whether there is a GPU, and stands in for itself. Everything else is the package's.
"""

import sys
import types

torch = types.ModuleType("torch")
torch.cuda = types.SimpleNamespace(is_available=lambda: False)
sys.modules["torch"] = torch

from whisper_live.server import TranscriptionServer  # noqa: E402

folder, port = sys.argv[1:3]
TranscriptionServer().run(
    "127.0.0.1",
    port=int(port),
    backend="faster_whisper",
    faster_whisper_custom_model_path=folder,
    # What its command line does with a model of one's own.
    single_model=True,
    max_clients=64,
)
