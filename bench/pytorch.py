#!/usr/bin/python3
"""The workloads of bench/ in PyTorch: the same mathematics, sizes, data and steps, for comparison.

usage: pytorch.py [--mode stock|tuned] [--threads N]

Does what it is told on standard input, a line each, and answers with a line: the protocol of `steps --server` (see
steps.c). Needs Debian's python3-torch (apt-get install python3-torch libopenblas0-openmp).

stock   PyTorch as it is installed, with N threads
tuned   the best that a careful user gets: convolutions in channels_last, denormals flushed, AVX-512 kernels where the
        processor has them, a malloc that keeps the memory it has

Both use the OpenMP build of OpenBLAS where it is installed: the threads of Debian's usual build and PyTorch's own wait
for each other actively, which can cost it nine tenths of its speed.
"""
import argparse
import glob
import gzip
import os
import resource
import sys
import time

FASHION = "/usr/share/datasets/fashion-mnist/train-%s-ubyte.gz"
SIDE, PIXELS, RENDERED, TEXT_BATCHES = 28, 784, 16384, 64


# ---- settings, most of which count only when the process starts ----------------------------------------------------


def processor_has_avx512():
    try:
        with open("/proc/cpuinfo", encoding="ascii", errors="replace") as f:
            flags = next((line for line in f if line.startswith("flags")), "").split()
    except OSError:
        return False
    return {"avx512f", "avx512bw", "avx512vl", "avx512dq"} <= set(flags)


def settings(mode, threads):
    """Environment and words for them."""
    count = str(threads)
    env = {"OMP_NUM_THREADS": count, "OPENBLAS_NUM_THREADS": count}
    said = ["as installed"]
    if mode == "tuned":
        said = ["channels_last", "denormals flushed", "malloc keeps its memory"]
        env.update(MALLOC_MMAP_MAX_="0", MALLOC_TRIM_THRESHOLD_="4000000000", MALLOC_TOP_PAD_="67108864")
        if processor_has_avx512():
            env["ATEN_CPU_CAPABILITY"] = "avx512"
            said.append("avx512")
    openmp = glob.glob("/usr/lib/*/openblas-openmp")
    if openmp:
        env["LD_LIBRARY_PATH"] = ":".join(openmp + [p for p in [os.environ.get("LD_LIBRARY_PATH")] if p])
        said.append("openblas-openmp")
    return env, said


def start_again_with_settings(options):
    env, said = settings(options.mode, options.threads)
    if os.environ.get("THALWEG_BENCH_MODE") != options.mode:
        os.execve(sys.executable, [sys.executable] + sys.argv, dict(os.environ, THALWEG_BENCH_MODE=options.mode, **env))
    return said


parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
parser.add_argument("--mode", choices=["stock", "tuned"], default="tuned")
parser.add_argument("--threads", type=int, default=2)
arguments = parser.parse_args()
SAID = start_again_with_settings(arguments)
try:
    import numpy as np
    import torch
    import torch.nn.functional as F
    from torch import nn
except ImportError as why:
    print("error PyTorch cannot be loaded (apt-get install python3-torch): %s" % why, flush=True)
    sys.exit(3)
torch.set_num_threads(arguments.threads)
torch.manual_seed(1)
TUNED = arguments.mode == "tuned"
LAYOUT = torch.channels_last if TUNED else torch.contiguous_format
if TUNED:
    torch.set_flush_denormal(True)


# ---- networks --------------------------------------------------------------------------------------------------------


class ToSequence(nn.Module):
    """[N,C,H,W] -> [W,N,C*H]: each column is a time step."""

    def forward(self, x):
        n, c, h, w = x.shape
        return x.permute(3, 0, 1, 2).reshape(w, n, c * h)


class FirstOf(nn.Module):
    """An LSTM gives its output and its state; this is the output."""

    def __init__(self, lstm):
        super().__init__()
        self.lstm = lstm

    def forward(self, x):
        return self.lstm(x)[0]


def relu():
    return nn.ReLU(inplace=True)


def conv(inputs, outputs, size=3, norm=False):
    layers = [nn.Conv2d(inputs, outputs, size, padding=size // 2 if size % 2 else 0)]
    return layers + ([nn.BatchNorm2d(outputs)] if norm else []) + [relu()]


def read_along(inputs, hidden, outputs):
    return [FirstOf(nn.LSTM(inputs, hidden, bidirectional=True)), nn.Linear(2 * hidden, outputs)]


def rows_pool():
    return [nn.MaxPool2d((2, 2), (2, 1), (0, 1))]


def mlp(*sizes):
    layers = []
    for a, b in zip(sizes, sizes[1:]):
        layers += [nn.Linear(a, b), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


def two_convolutions(first, second, size, hidden=None):
    layers = conv(1, first, size) + [nn.MaxPool2d(2)] + conv(first, second, size) + [nn.MaxPool2d(2), nn.Flatten()]
    wide = second * 49
    if hidden:
        layers += [nn.Linear(wide, hidden), relu()]
    return nn.Sequential(*layers, nn.Linear(hidden or wide, 10))


def published_crnn(classes):
    """Shi, Bai, Yao 2015."""
    return nn.Sequential(
        *conv(1, 64), nn.MaxPool2d(2), *conv(64, 128), nn.MaxPool2d(2),
        *conv(128, 256, norm=True), *conv(256, 256), *rows_pool(),
        *conv(256, 512, norm=True), *conv(512, 512), *rows_pool(),
        *conv(512, 512, size=2, norm=True), ToSequence(),
        *read_along(512, 256, 256), *read_along(256, 256, classes))


def small_crnn(classes, height=32):
    return nn.Sequential(
        *conv(1, 32), nn.MaxPool2d(2), *conv(32, 64), nn.MaxPool2d(2),
        *conv(64, 128, norm=True), nn.MaxPool2d((2, 1)), ToSequence(),
        nn.Linear(16 * height, 128), *read_along(128, 128, classes))


# ---- data --------------------------------------------------------------------------------------------------------------

POOL = {}


def load_pictures():
    """Fashion-MNIST in order where it is installed, else noise around one picture for each class; read once."""
    if POOL:
        return POOL["x"], POOL["y"]
    try:
        with gzip.open(FASHION % "images-idx3") as f:
            x = np.frombuffer(f.read(), np.uint8, offset=16).reshape(-1, PIXELS).astype(np.float32) / 255
        with gzip.open(FASHION % "labels-idx1") as f:
            y = torch.from_numpy(np.frombuffer(f.read(), np.uint8, offset=8).astype(np.int64))
        x = torch.from_numpy(x)
    except OSError:
        y = torch.randint(10, (RENDERED,))
        x = (torch.rand(10, PIXELS)[y] + torch.rand(RENDERED, PIXELS)) / 2
    POOL.update(x=x, y=y)
    return x, y


# ---- steps -------------------------------------------------------------------------------------------------------------


def classifier(net, size, pictures, optimiser=torch.optim.Adam, parts=1):
    batch, part = size["N"], size["N"] // parts
    x, y = load_pictures()
    if pictures:
        x = x.view(-1, 1, SIDE, SIDE).contiguous(memory_format=LAYOUT)
        net = net.to(memory_format=LAYOUT)
    optimiser = optimiser(net.parameters(), lr=1e-3)
    at = 0

    def step():
        nonlocal at
        optimiser.zero_grad(set_to_none=True)
        for start in range(at, at + batch, part):
            loss = F.cross_entropy(net(x[start:start + part]), y[start:start + part])
            (loss / parts if parts > 1 else loss).backward()
        optimiser.step()
        at = at + batch if at + 2 * batch <= len(y) else 0

    return step, lambda: net(x[:batch]), net


def recogniser(net, size):
    batch, length = size["N"], size["L"]
    net = net.to(memory_format=LAYOUT)
    x = [torch.rand(batch, 1, 32, size["W"]).contiguous(memory_format=LAYOUT) for _ in range(TEXT_BATCHES)]
    y = [torch.randint(1, size["K"], (batch * length,)) for _ in x]
    with torch.no_grad():
        frames = torch.full((batch,), net(x[0]).shape[0])
    lengths = torch.full((batch,), length)
    optimiser = torch.optim.Adam(net.parameters(), lr=1e-3)
    at = 0

    def step():
        nonlocal at
        at = (at + 1) % TEXT_BATCHES
        optimiser.zero_grad(set_to_none=True)
        scores = net(x[at]).log_softmax(2)
        F.ctc_loss(scores, y[at], frames, lengths, zero_infinity=True).backward()
        optimiser.step()

    return step, lambda: net(x[at]), net


def through_layer(layer, x, upstream):
    """Forward and backward from a given gradient, to the parameters and to the input."""
    x.requires_grad_(True)

    def step():
        layer.zero_grad(set_to_none=True)
        x.grad = None
        layer(x).backward(upstream)

    return step, lambda: layer(x), layer


def lstm(size):
    frames, batch, wide = size["T"], size["N"], size["H"]
    layer = FirstOf(nn.LSTM(size["D"], wide))
    return through_layer(layer, torch.randn(frames, batch, size["D"]), torch.randn(frames, batch, wide))


def convolution(size, groups=1):
    shape = size["N"], 64, 32, size["W"]
    layer = nn.Conv2d(64, 64, 3, padding=1, groups=groups).to(memory_format=LAYOUT)
    x, upstream = (torch.randn(shape).contiguous(memory_format=LAYOUT) for _ in range(2))
    return through_layer(layer, x, upstream)


def ctc_alone(size):
    batch = size["N"]
    x = torch.randn(size["T"], batch, size["K"], requires_grad=True)
    y = torch.randint(1, size["K"], (batch, size["L"]))
    frames, lengths = torch.full((batch,), size["T"]), torch.full((batch,), size["L"])

    def step():
        x.grad = None
        F.ctc_loss(x.log_softmax(2), y, frames, lengths, reduction="sum").backward()

    return step, None, None


WORKLOADS = {  # name: sizes, and what makes its step
    "w1": ({"N": 64}, lambda s: classifier(mlp(PIXELS, 512, 256, 10), s, False)),
    "w1b256": ({"N": 256}, lambda s: classifier(mlp(PIXELS, 512, 256, 10), s, False)),
    "w2": ({"N": 64}, lambda s: classifier(two_convolutions(32, 64, 5, 1024), s, True)),
    "w2b": ({"N": 64}, lambda s: classifier(two_convolutions(16, 32, 3), s, True)),
    "w3": ({"N": 32, "W": 100, "K": 37, "L": 8}, lambda s: recogniser(published_crnn(s["K"]), s)),
    "w3s": ({"N": 32, "W": 128, "K": 63, "L": 8}, lambda s: recogniser(small_crnn(s["K"]), s)),
    "w4a": ({"N": 32, "T": 32, "D": 256, "H": 256}, lstm),
    "w4b": ({"N": 16, "T": 128, "D": 128, "H": 128}, lstm),
    "w5a": ({"N": 32, "T": 50, "K": 37, "L": 10}, ctc_alone),
    "w5b": ({"N": 32, "T": 200, "K": 63, "L": 40}, ctc_alone),
    "w5c": ({"N": 16, "T": 500, "K": 5000, "L": 60}, ctc_alone),
    "w7": ({"N": 32, "W": 32}, convolution),
    "w7d": ({"N": 32, "W": 32}, lambda s: convolution(s, groups=64)),
    "gfc": ({"N": 1000}, lambda s: classifier(mlp(PIXELS, 500, 10), s, False, torch.optim.AdamW, 2)),
    "gcnn": ({"N": 1000}, lambda s: classifier(two_convolutions(8, 16, 3), s, True, torch.optim.AdamW, 2)),
}


# ---- the server ----------------------------------------------------------------------------------------------------------


class Server:
    def __init__(self):
        self.step = self.forward = self.net = self.batch = None

    def prepare(self, spec, seconds):
        name, _, sizes = spec.partition(":")
        if name not in WORKLOADS:
            raise ValueError("no workload is called \"%s\"" % name)
        size = dict(WORKLOADS[name][0])
        for word in filter(None, sizes.split(",")):
            letter, _, value = word.partition("=")
            if letter not in size:
                raise ValueError("%s has no size %s" % (name, letter))
            size[letter] = int(value)
        self.step = self.forward = self.net = None  # frees what the last one held
        self.step, self.forward, self.net = WORKLOADS[name][1](size)
        self.batch = size["N"]
        reset_memory()
        began, steps = time.perf_counter(), 0
        while steps < 2 or time.perf_counter() - began < float(seconds):
            self.step()
            steps += 1
        return "ready %d" % self.batch

    def rate(self, what, seconds):
        began, spent, steps = time.perf_counter(), 0.0, 0
        while spent < float(seconds) or not steps:
            what()
            steps += 1
            spent = time.perf_counter() - began
        return "rate %.3f" % (steps * self.batch / spent)

    def block(self, seconds):
        return self.rate(self.step, seconds)

    def infer(self, seconds):
        if not self.forward:
            raise ValueError("a loss alone has nothing to evaluate")
        self.net.eval()
        with torch.no_grad():
            answer = self.rate(self.forward, seconds)
        self.net.train()
        return answer

    @staticmethod
    def memory():
        inputs = sum(t.numel() * t.element_size() for t in POOL.values())
        return "memory %.2f" % (peak_memory() - inputs / 2**20)

    @staticmethod
    def sgemm():
        best = 0.0
        for size in (2048, 1440) * 3:
            a, b = torch.rand(size, size), torch.rand(size, size)
            began = time.perf_counter()
            torch.mm(a, b)
            best = max(best, 2e-9 * size**3 / (time.perf_counter() - began))
        return "sgemm %.2f" % best

    def answer(self, line):
        word, *rest = line.split()
        ask = {"prepare": self.prepare, "block": self.block, "infer": self.infer, "memory": self.memory,
               "sgemm": self.sgemm}.get(word)
        if not ask:
            raise ValueError("this is not a command: %s" % line.strip())
        if word in ("block", "infer") and not self.step:
            raise ValueError("prepare a workload first")
        return ask(*rest)


def reset_memory():
    try:
        with open("/proc/self/clear_refs", "w", encoding="ascii") as f:
            f.write("5\n")
    except OSError:
        pass


def peak_memory():
    try:
        with open("/proc/self/status", encoding="ascii") as f:
            return next(int(line.split()[1]) for line in f if line.startswith("VmHWM")) / 1024
    except (OSError, StopIteration):
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def learn(line):
    """learn TASK TARGET EPOCHS TESTS SEED FOLDER: a real training (accuracy.py)."""
    import accuracy  # beside this file, and needed by few

    networks = {"mnist": lambda: two_convolutions(32, 64, 5, 1024), "captcha4": small_crnn}
    return accuracy.learn(networks, LAYOUT, *line.split(maxsplit=6)[1:6], line.split(maxsplit=6)[6].strip())


def main():
    print("hello pytorch %s %s" % (torch.__version__, ", ".join(SAID)), flush=True)
    server = Server()
    for line in sys.stdin:
        if not line.strip():
            continue
        try:
            if line.startswith("learn "):  # a long answer, a line at a time
                for part in learn(line):
                    print(part, flush=True)
            else:
                print(server.answer(line), flush=True)
        except (ValueError, TypeError, RuntimeError, OSError, KeyError, IndexError) as error:
            print("error %s" % str(error).replace("\n", " "), flush=True)


if __name__ == "__main__":
    main()
