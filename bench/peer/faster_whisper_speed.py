"""faster-whisper for bench/peers.ts: settings as JSON for argument, then commands on standard input, each answered with
a line of JSON.

Settings: {"model": folder, "computeType": "float32" | "int8", "threads": n, "workers": n}
Command:  transcribe FILE BATCH    the work of FILE (bench/peers/work.ts); BATCH 0: the sequential model, else the batched
                                   pipeline with so many windows: {"seconds": …, "texts": […]}

With several workers as many requests run at once, in threads; each has `threads` for itself. What is not named is
faster-whisper's own default.
"""

import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor

from faster_whisper import BatchedInferencePipeline, WhisperModel


def main() -> None:
    settings = json.loads(sys.argv[1])
    model = WhisperModel(
        settings["model"],
        device="cpu",
        compute_type=settings["computeType"],
        cpu_threads=settings["threads"],
        num_workers=settings["workers"],
    )
    pipeline = BatchedInferencePipeline(model)
    print(json.dumps({"ready": True}), flush=True)
    for line in sys.stdin:
        _, file, batch = line.split()
        with open(file, encoding="utf-8") as source:
            work = json.load(source)

        def text_of(recording):
            options = {"language": recording["language"], "beam_size": work["beamSize"]}
            if int(batch) > 0:
                segments, _ = pipeline.transcribe(recording["path"], batch_size=int(batch), **options)
            else:
                segments, _ = model.transcribe(recording["path"], **options)
            return " ".join(segment.text.strip() for segment in segments)

        start = time.perf_counter()
        with ThreadPoolExecutor(settings["workers"]) as pool:
            texts = list(pool.map(text_of, work["recordings"]))
        print(json.dumps({"seconds": time.perf_counter() - start, "texts": texts}), flush=True)


if __name__ == "__main__":
    main()
