"""Words with times by faster-whisper, as JSON lines: faster_whisper_words.py MODEL VAD FILE..."""

import json
import sys

from faster_whisper import WhisperModel

model = WhisperModel(sys.argv[1], compute_type="float32", cpu_threads=2)
for file in sys.argv[3:]:
    segments, _ = model.transcribe(
        file,
        language="en",
        beam_size=1,
        word_timestamps=True,
        condition_on_previous_text=False,
        vad_filter=sys.argv[2] == "vad",
    )
    words = [{"text": w.word, "start": w.start, "end": w.end} for s in segments for w in s.words]
    print(json.dumps(words), flush=True)
