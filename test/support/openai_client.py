"""Calls a server by every method of audio and models that OpenAI's client has, and prints what it answers as JSON.

Usage: openai_client.py URL TOKEN MONO_WAV STEREO_WAV
"""

import asyncio
import json
import pathlib
import sys

import openai

URL, TOKEN, MONO, STEREO = sys.argv[1:]
client = openai.OpenAI(api_key=TOKEN, base_url=URL + "/v1", max_retries=0)
create = client.audio.transcriptions.create
found = {}


def shown(answer):
    return answer if isinstance(answer, str) else answer.model_dump()


def failure(call):
    """Name of the error that a call ends with, and what it tells."""
    try:
        call()
    except openai.APIStatusError as error:
        return [type(error).__name__, error.status_code, error.code, error.param, error.request_id is not None]
    return None


DATA = pathlib.Path(MONO).read_bytes()
for name, file in {
    "file": open(MONO, "rb"),
    "path": pathlib.Path(MONO),
    "bytes": DATA,
    "named": ("Звонок «1».wav", DATA),
    "typed": ("a", DATA, "audio/wav"),
}.items():
    found[name] = create(model="whisper-1", file=file).text

for kind in ["text", "srt", "vtt"]:
    found[kind] = shown(create(model="whisper-1", file=DATA, response_format=kind))
found["verbose"] = shown(
    create(
        model="whisper-1",
        file=DATA,
        response_format="verbose_json",
        timestamp_granularities=["word", "segment"],
        language="en",
        prompt="A call.",
        temperature=0,
    )
)
found["diarized"] = shown(
    create(
        model="gpt-4o-transcribe-diarize",
        file=pathlib.Path(STEREO),
        response_format="diarized_json",
        chunking_strategy="auto",
    )
)
found["logprobs"] = shown(create(model="gpt-4o-transcribe", file=DATA, include=["logprobs"]))
found["vad"] = create(
    model="whisper-1", file=DATA, chunking_strategy={"type": "server_vad", "silence_duration_ms": 500}
).text
found["extra"] = create(model="whisper-1", file=DATA, extra_body={"beam_size": 2, "vad_filter": True}).text

events = list(create(model="whisper-1", file=DATA, stream=True))
found["deltas"] = "".join(event.delta for event in events if event.type == "transcript.text.delta")
found["done"] = events[-1].text
with client.audio.transcriptions.with_streaming_response.create(model="whisper-1", file=DATA) as response:
    found["streamed"] = json.loads(b"".join(response.iter_bytes()))["text"]
raw = client.audio.transcriptions.with_raw_response.create(model="whisper-1", file=DATA)
found["raw"] = [raw.http_response.status_code, raw.parse().text, raw.request_id is not None]

found["translation"] = client.audio.translations.create(model="whisper-1", file=DATA).text
found["models"] = [model.id for model in client.models.list()]
found["model"] = client.models.retrieve("our/speech").id

stranger = openai.OpenAI(api_key="another-horse-battery", base_url=URL + "/v1", max_retries=0)
found["failures"] = [
    failure(lambda: create(model="gpt-5", file=DATA)),
    failure(lambda: create(model="whisper-1", file=DATA, response_format="docx")),
    failure(lambda: create(model="whisper-1", file=b"PK\x03\x04 no recording")),
    failure(lambda: client.models.retrieve("gpt-5")),
    failure(lambda: stranger.models.list()),
]


async def at_once():
    async with openai.AsyncOpenAI(api_key=TOKEN, base_url=URL + "/v1", max_retries=0) as asynchronous:
        calls = [asynchronous.audio.transcriptions.create(model="whisper-1", file=DATA) for _ in range(4)]
        texts = [answer.text for answer in await asyncio.gather(*calls)]
        stream = await asynchronous.audio.transcriptions.create(model="whisper-1", file=DATA, stream=True)
        return texts + [[event async for event in stream][-1].text]


found["asynchronous"] = asyncio.run(at_once())
json.dump(found, sys.stdout)
