"""Runs a leading semantic router on the splits of one data file and prints its scores as JSON.

Arguments: the data (JSON lines), a folder with model.onnx and tokenizer.json, a file that keeps embeddings.
Its encoder is the same MiniLM as ours, pooled as the model's authors do: the mean over all tokens.
"""

import asyncio
import hashlib
import json
import os
import sys
import time

os.environ.setdefault("OMP_NUM_THREADS", "1")
import numpy as np
import onnxruntime
from semantic_router import IndexedRouter, Route
from semantic_router.encoders import DenseEncoder
from tokenizers import Tokenizer

data, model, cache_path = sys.argv[1:4]
rows = [json.loads(line) for line in open(data)]
train = [row for row in rows if row.get("split") in ("train", "val") and row["label"] is not None]
val = [row for row in rows if row.get("split") == "val"]
test = [row for row in rows if row.get("split") == "test"]

options = onnxruntime.SessionOptions()
options.intra_op_num_threads = options.inter_op_num_threads = 1
session = onnxruntime.InferenceSession(f"{model}/model.onnx", options)
tokenizer = Tokenizer.from_file(f"{model}/tokenizer.json")
tokenizer.no_padding()
tokenizer.enable_truncation(256)
known = dict(np.load(cache_path)) if os.path.exists(cache_path) else {}


def embed(text):
    key = hashlib.sha256(text.encode()).hexdigest()
    if key not in known:
        ids = np.array([tokenizer.encode(text).ids], dtype=np.int64)
        feed = {"input_ids": ids, "attention_mask": np.ones_like(ids), "token_type_ids": np.zeros_like(ids)}
        vector = session.run(None, feed)[0][0].mean(0)
        known[key] = (vector / np.linalg.norm(vector)).astype(np.float32)
    return known[key]


class MiniLm(DenseEncoder):
    name: str = "all-MiniLM-L6-v2"

    def __call__(self, docs):
        return [embed(doc).tolist() for doc in docs]

    async def acall(self, docs):
        return self(docs)


for row in train + test:
    embed(row["input"])
np.savez(cache_path, **known)


def routes(rows):
    by_route = {}
    for row in rows:
        by_route.setdefault(row["label"], []).append(row["input"])
    return [Route(name=name, utterances=inputs) for name, inputs in by_route.items()]



def auroc(outside, inside):
    values = np.concatenate([outside, inside])
    order = values.argsort(kind="stable")
    ranks = np.empty(len(values))
    ranks[order] = np.arange(1, len(values) + 1)
    for value in np.unique(values):
        same = values == value
        ranks[same] = ranks[same].mean()
    n = len(inside)
    return float((ranks[len(outside):].sum() - n * (n + 1) / 2) / (n * len(outside)))


def calibration_error(confidence, right):
    bins = np.minimum((confidence * 15).astype(int), 14)
    return float(sum(abs(confidence[bins == b].mean() - right[bins == b].mean()) * (bins == b).mean() for b in set(bins)))


async def run(settings):
    started = time.process_time()
    calibrator = None
    if val:
        # Calibrated on rows that are not yet among its examples.
        part = [row for row in train if row["split"] == "train"]
        before = IndexedRouter(encoder=MiniLm(), routes=routes(part), **settings)
        await before.afit([row["input"] for row in val], [row["label"] for row in val])
        calibrator = before.calibrator
    router = IndexedRouter(encoder=MiniLm(), routes=routes(train), calibrator=calibrator, **settings)
    fit = time.process_time() - started
    picks, times = [], []
    for row in test:
        started = time.perf_counter()
        picks.append(await router.acall(row["input"]))
        times.append(time.perf_counter() - started)
    inside = np.array([row["label"] is not None for row in test])
    right = np.array([pick.name == row["label"] for pick, row in zip(picks, test)])
    confidence = np.array([pick.confidence or 0.0 for pick in picks])
    return {
        "settings": settings,
        "in_scope_accuracy": float(right[inside].mean()),
        "oos_auroc": auroc(confidence[~inside], confidence[inside]) if (~inside).any() else None,
        "ece": calibration_error(np.clip(confidence[inside], 0, 1), right[inside]) if val else None,
        "p50_us": float(np.median(times) * 1e6),
        "fit_s": fit,
    }


async def main():
    # Its default first, then what its users turn.
    tried = [{}, {"aggregation": "max"}, {"top_k": 20}, {"aggregation": "sum", "top_k": 20}]
    print(json.dumps([await run(settings) for settings in tried]))


asyncio.run(main())
