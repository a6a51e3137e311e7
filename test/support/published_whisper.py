"""Whisper as published, in numpy alone: what it writes of recordings, greedily, as JSON on standard output.

    python published_whisper.py MODEL_FOLDER RECORDING… > texts.json

MODEL_FOLDER holds a multilingual model of Hugging Face in 32-bit floats (model.safetensors, config.json,
generation_config.json, vocab.json); recordings are 16 kHz mono files of at most 30 s, in English. Needs numpy,
safetensors and soundfile. Written after the paper (Radford et al., 2022) and openai-whisper's decoding rules: temperature
0, times, no text before, no guards; where a text closes before the recording ends, what follows is heard anew. A
recording is filled up with silence before its spectrogram is made, as in the example of openai-whisper's README
(`pad_or_trim(audio)`, `decode()`) and in its `transcribe()` from March to December 2023; its `transcribe()` of today fills
the scaled spectrogram up with zeros. test/fixtures/published-base-texts.json is its output for LibriSpeech.
"""

import json
import math
import pathlib
import sys

import numpy as np
import soundfile
from safetensors.numpy import load_file

FRAMES, HOP = 3000, 160
MAX_TOKENS = 224
MAX_INITIAL_TIMESTAMP = 50  # steps of 20 ms
END_OF_TEXT, START, ENGLISH, TRANSCRIBE, FIRST_TIME = 50257, 50258, 50259, 50359, 50364


def mel_filters(bands=80, bins=201, rate=16000):
    """Slaney's mel scale, each triangle of unit area."""
    step = 200 / 3
    knee, slope = 1000 / step, math.log(6.4) / 27

    def hertz(mel):
        return np.where(mel < knee, step * mel, 1000 * np.exp(slope * (mel - knee)))

    highest = knee + math.log(rate / 2 / 1000) / slope
    edges = hertz(np.linspace(0, highest, bands + 2))
    slopes = edges[:, None] - np.linspace(0, rate / 2, bins)
    widths = np.diff(edges)
    triangles = np.minimum(-slopes[:-2] / widths[:-1, None], slopes[2:] / widths[1:, None])
    return np.maximum(0, triangles) * (2 / (edges[2:] - edges[:-2]))[:, None]


def log_mel(samples):
    """[bands][frames] of the recording with 30 s of silence behind it."""
    padded = np.pad(samples.astype(np.float64), (0, 480000))
    padded = np.pad(padded, 200, mode="reflect")
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(400) / 400)
    frames = np.lib.stride_tricks.sliding_window_view(padded, 400)[::HOP] * window
    power = np.abs(np.fft.rfft(frames, axis=1)[:-1]) ** 2
    mel = np.log10(np.maximum(mel_filters() @ power.T, 1e-10))
    return ((np.maximum(mel, mel.max() - 8) + 4) / 4).astype(np.float32)


def gelu(x):
    """By the error function of Abramowitz and Stegun 7.1.26, wrong by less than 1.5e-7."""
    z = np.abs(x) / np.float32(math.sqrt(2))
    t = 1 / (1 + np.float32(0.3275911) * z)
    terms = (1.061405429, -1.453152027, 1.421413741, -0.284496736, 0.254829592)
    series = np.zeros_like(t)
    for term in terms:
        series = (series + np.float32(term)) * t
    return x * np.float32(0.5) * (1 + np.copysign(1 - series * np.exp(-z * z), x))


def softmax(x):
    x = np.exp(x - x.max(-1, keepdims=True))
    return x / x.sum(-1, keepdims=True)


class Model:
    def __init__(self, folder):
        self.weights = {name: value.astype(np.float32) for name, value in load_file(folder / "model.safetensors").items()}
        self.config = json.loads((folder / "config.json").read_text())
        special = {START, *range(50358, FIRST_TIME), *range(ENGLISH, 50358)}
        generation = json.loads((folder / "generation_config.json").read_text())
        self.suppressed = sorted(set(generation["suppress_tokens"]) | special)
        self.heads = self.config["encoder_attention_heads"]
        self.tokens = {id: token for token, id in json.loads((folder / "vocab.json").read_text()).items()}

    def norm(self, x, name):
        x = x - x.mean(-1, keepdims=True)
        x = x / np.sqrt((x * x).mean(-1, keepdims=True) + np.float32(1e-5))
        return x * self.weights[name + ".weight"] + self.weights[name + ".bias"]

    def linear(self, x, name):
        return x @ self.weights[name + ".weight"].T + self.weights.get(name + ".bias", np.float32(0))

    def attention(self, query, key, value, mask=0):
        def split(x):
            return x.reshape(len(x), self.heads, -1).transpose(1, 0, 2)

        size = query.shape[1] // self.heads
        scores = (split(query) * np.float32(size**-0.5)) @ split(key).transpose(0, 2, 1) + mask
        return (softmax(scores) @ split(value)).transpose(1, 0, 2).reshape(query.shape)

    def project(self, x, name):
        return [self.linear(x, f"{name}.{part}_proj") for part in ("k", "v")]

    def attend(self, x, name, memory, mask=0):
        query = self.linear(x, name + ".q_proj")
        return self.linear(self.attention(query, *memory, mask), name + ".out_proj")

    def feed_forward(self, x, layer):
        inner = gelu(self.linear(self.norm(x, layer + "final_layer_norm"), layer + "fc1"))
        return x + self.linear(inner, layer + "fc2")

    def convolve(self, x, name, stride):
        kernel = self.weights[name + ".weight"]
        padded = np.pad(x, ((0, 0), (1, 1)))
        count = (x.shape[1] - 1) // stride + 1
        parts = [kernel[:, :, i] @ padded[:, i : i + stride * (count - 1) + 1 : stride] for i in range(3)]
        return gelu(sum(parts) + self.weights[name + ".bias"][:, None])

    def encode(self, mel):
        x = self.convolve(self.convolve(mel, "model.encoder.conv1", 1), "model.encoder.conv2", 2).T
        x = x + self.weights["model.encoder.embed_positions.weight"]
        for i in range(self.config["encoder_layers"]):
            layer = f"model.encoder.layers.{i}."
            heard = self.norm(x, layer + "self_attn_layer_norm")
            x = x + self.attend(heard, layer + "self_attn", self.project(heard, layer + "self_attn"))
            x = self.feed_forward(x, layer)
        return self.norm(x, "model.encoder.layer_norm")

    def write(self, audio):
        """The most probable tokens, one after another."""
        layers = [f"model.decoder.layers.{i}." for i in range(self.config["decoder_layers"])]
        cross = [self.project(audio, layer + "encoder_attn") for layer in layers]
        memory = [[np.zeros((0, audio.shape[1]), np.float32)] * 2 for _ in layers]
        embedding = self.weights["model.decoder.embed_tokens.weight"]
        positions = self.weights["model.decoder.embed_positions.weight"]
        text, read, pending = [], 0, [START, ENGLISH, TRANSCRIBE]
        while len(text) < MAX_TOKENS:
            count = len(pending)
            x = embedding[pending] + positions[read : read + count]
            mask = np.triu(np.full((count, read + count), -np.inf, np.float32), read + 1)
            for i, layer in enumerate(layers):
                own = self.norm(x, layer + "self_attn_layer_norm")
                new = self.project(own, layer + "self_attn")
                memory[i] = [np.concatenate(parts) for parts in zip(memory[i], new)]
                x = x + self.attend(own, layer + "self_attn", memory[i], mask)
                x = x + self.attend(self.norm(x, layer + "encoder_attn_layer_norm"), layer + "encoder_attn", cross[i])
                x = self.feed_forward(x, layer)
            read += count
            logits = self.norm(x[-1:], "model.decoder.layer_norm") @ embedding.T
            token = self.choose(logits[0].astype(np.float64), text)
            if token == END_OF_TEXT:
                break
            text.append(token)
            pending = [token]
        return text

    def transcribe(self, samples):
        mel = log_mel(samples)
        texts, begin = [], 0
        while begin < len(samples) // HOP:
            tokens = self.write(self.encode(mel[:, begin : begin + FRAMES]))
            times = [token >= FIRST_TIME for token in tokens]
            closed = [i for i in range(1, len(tokens)) if times[i - 1] and times[i]]
            goes_on = closed and times[-2:] != [False, True]
            # What stands after the last pair of times is heard again.
            texts.append(self.spell(tokens[: closed[-1]] if goes_on else tokens).strip())
            begin += 2 * (tokens[closed[-1] - 1] - FIRST_TIME) if goes_on else FRAMES
        return " ".join(filter(None, texts))

    def choose(self, logits, text):
        logits[self.suppressed] = -np.inf
        if not text:
            logits[:FIRST_TIME] = -np.inf
            logits[FIRST_TIME + MAX_INITIAL_TIMESTAMP + 1 :] = -np.inf
            return int(logits.argmax())
        is_time = text[-1] >= FIRST_TIME
        is_pair = len(text) < 2 or text[-2] >= FIRST_TIME
        if is_time and is_pair:
            logits[FIRST_TIME:] = -np.inf
        elif is_time:
            logits[:END_OF_TEXT] = -np.inf
        latest = max(token for token in text if token >= FIRST_TIME)
        logits[FIRST_TIME : latest + (0 if is_time and not is_pair else 1)] = -np.inf
        times = logits[FIRST_TIME:]
        if np.logaddexp.reduce(times) > logits[:FIRST_TIME].max():
            logits[:FIRST_TIME] = -np.inf
        return int(logits.argmax())

    def spell(self, tokens):
        printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
        others = [byte for byte in range(256) if byte not in printable]
        bytes_of = {chr(byte): byte for byte in printable} | {chr(256 + i): byte for i, byte in enumerate(others)}
        letters = "".join(self.tokens[token] for token in tokens if token < END_OF_TEXT)
        return bytes(bytes_of[letter] for letter in letters).decode(errors="replace")


def main():
    model = Model(pathlib.Path(sys.argv[1]))
    texts = {}
    for recording in map(pathlib.Path, sys.argv[2:]):
        samples, _ = soundfile.read(recording, dtype="float32")
        texts[recording.stem] = model.transcribe(samples)
    print(json.dumps(texts, indent=2, ensure_ascii=False))


if __name__ == "__main__":
    main()
