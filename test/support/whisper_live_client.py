"""Has WhisperLive's own client transcribe a recording: PORT RECORDING.wav SUBTITLES.srt LANGUAGE|- [TOKEN].

Its microphone is not needed, nor is what plays sound: the module that does both is left out.
"""

import json
import sys
import types

pyaudio = types.ModuleType("pyaudio")
pyaudio.paInt16 = 8


class NoDevices:
    """Stands in for pyaudio.PyAudio where there is neither microphone nor loudspeaker."""

    def open(self, **_):
        raise OSError("no device")

    def terminate(self):
        pass


pyaudio.PyAudio = NoDevices
sys.modules["pyaudio"] = pyaudio

from whisper_live.client import TranscriptionClient  # noqa: E402

port, recording, subtitles, language = sys.argv[1:5]
heard = []
client = TranscriptionClient(
    "127.0.0.1",
    int(port),
    lang=None if language == "-" else language,
    model="small",
    mute_audio_playback=True,
    output_transcription_path=subtitles,
    log_transcription=False,
    transcription_callback=lambda text, segments: heard.append(segments),
)
# Of the 15 s that it waits for text to settle; a busy machine takes some.
client.client.disconnect_if_no_response_for = 8
client(recording)
print("RESULT " + json.dumps({
    "transcript": client.client.transcript,
    "messages": len(heard),
    "language": client.client.language,
    "backend": client.client.server_backend,
    "error": client.client.server_error,
}))
