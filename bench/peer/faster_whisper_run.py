"""Texts that faster-whisper writes of recordings, for bench/accuracy: one JSON request on standard input, one JSON line
per recording and run on standard output, as they are finished.

Request: {"model": folder, "computeType": "float32" | "int8", "threads": n,
          "runs": [{"name": str, "batched": bool, "beamSize": n}], "recordings": [{"path": str, "language": str}]}
Line:    {"run": name, "recording": index, "text": str}

Everything that is not named is faster-whisper's own default: the sequential model goes through the recording without
VAD, each window prompted with the text before; the batched pipeline cuts with Silero VAD.
"""

import json
import sys

from faster_whisper import BatchedInferencePipeline, WhisperModel

BATCH_SIZE = 8


def main() -> None:
    request = json.load(sys.stdin)
    model = WhisperModel(
        request["model"], device="cpu", compute_type=request["computeType"], cpu_threads=request["threads"]
    )
    pipeline = BatchedInferencePipeline(model)
    for run in request["runs"]:
        for index, recording in enumerate(request["recordings"]):
            options = {"language": recording["language"], "beam_size": run["beamSize"]}
            if run["batched"]:
                segments, _ = pipeline.transcribe(recording["path"], batch_size=BATCH_SIZE, **options)
            else:
                segments, _ = model.transcribe(recording["path"], **options)
            text = " ".join(segment.text.strip() for segment in segments)
            print(json.dumps({"run": run["name"], "recording": index, "text": text}), flush=True)


if __name__ == "__main__":
    main()
