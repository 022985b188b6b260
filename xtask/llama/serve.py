"""Serves a model over OpenAI's protocol on loopback: MODEL PORT chat|embedding. Prints `ready` when it answers. Ends when
whoever holds the other end of its standard input, where that is a pipe, does."""

import os
import stat
import sys
import time
import urllib.error
import urllib.request

import xllamacpp

model, port, kind = sys.argv[1:4]
params = xllamacpp.CommonParams()
params.model.path = model
params.hostnames = ["127.0.0.1"]
params.port = int(port)
params.n_ctx = 2048
params.n_parallel = 1
params.cpuparams.n_threads = 1
params.offline = True
params.use_jinja = True
if kind == "embedding":
    params.embedding = True
    params.pooling_type = xllamacpp.llama_pooling_type.LLAMA_POOLING_TYPE_MEAN
server = xllamacpp.Server(params)
for _ in range(600):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=2) as answer:
            if answer.status == 200:
                print("ready", flush=True)
                break
    except (urllib.error.URLError, OSError):
        pass
    time.sleep(0.1)
standard_input = os.fstat(0).st_mode
if stat.S_ISFIFO(standard_input) or stat.S_ISSOCK(standard_input):
    sys.stdin.buffer.read()
    os._exit(0)
while True:
    time.sleep(3600)
