"""Real trainings with a test set in PyTorch, for the time they take to be good: what common/learn.c does.

A part of pytorch.py, which brings networks and settings."""
import gzip
import os
import time

import numpy as np
import torch
import torch.nn.functional as F

TEST_BATCH, TEXT_LENGTH = 250, 4


def read_idx(folder, stem):
    for name in (stem + "-idx3-ubyte", stem + "-idx1-ubyte"):
        for path, opener in ((os.path.join(folder, name + ".gz"), gzip.open), (os.path.join(folder, name), open)):
            if os.path.exists(path):
                with opener(path, "rb") as f:
                    data = f.read()
                dims = np.frombuffer(data, ">i4", count=data[3], offset=4)
                return np.frombuffer(data, np.uint8, offset=4 + 4 * data[3]).reshape(dims)
    raise ValueError("%s: no %s" % (folder, stem))


def read_texts(folder, part):
    with open(os.path.join(folder, part + "-labels.tsv"), encoding="utf-8") as f:
        return [line.rstrip("\r\n").split("\t", 1)[1] for line in f if "\t" in line]


def standardised(pictures, like, layout):
    mean, std = like.mean() / 255, like.std() / 255
    x = torch.from_numpy(((pictures / 255.0 - mean) / std).astype(np.float32)).unsqueeze(1)
    return x.contiguous(memory_format=layout)


class Task:
    """Data, network and recipe of a training."""

    def __init__(self, name, folder, networks, layout):
        self.texts = name == "captcha4"
        train = read_idx(folder, "train-images")
        test = read_idx(folder, "test-images" if self.texts else "t10k-images")
        self.x, self.test_x = standardised(train, train, layout), standardised(test, train, layout)
        if self.texts:
            words = read_texts(folder, "train"), read_texts(folder, "test")
            symbol = {c: i + 1 for i, c in enumerate(sorted(set("".join(words[0]))))}
            self.y, self.test_y = (torch.tensor([[symbol[c] for c in w] for w in part]) for part in words)
            self.net = networks["captcha4"](len(symbol) + 1, train.shape[1])
            self.batch, self.lr, self.clip = 32, 2e-3, 5
        else:
            self.y = torch.from_numpy(read_idx(folder, "train-labels").astype(np.int64))
            self.test_y = torch.from_numpy(read_idx(folder, "t10k-labels").astype(np.int64))
            self.net = networks["mnist"]()
            self.batch, self.lr, self.clip = 64, 1e-3, 0
        self.net = self.net.to(memory_format=layout)
        self.optimiser = torch.optim.Adam(self.net.parameters(), lr=self.lr)
        self.per_epoch = len(self.y) // self.batch
        self.steps = 0
        self.order = None

    def loss(self, scores, label):
        if not self.texts:
            return F.cross_entropy(scores, label)
        frames = torch.full((len(label),), scores.shape[0])
        lengths = torch.full((len(label),), TEXT_LENGTH)
        return F.ctc_loss(scores.log_softmax(2), label, frames, lengths, zero_infinity=True)

    def step(self):
        at = self.steps % self.per_epoch
        if at == 0:
            self.order = torch.randperm(len(self.y))
        chosen = self.order[at * self.batch:(at + 1) * self.batch]
        self.steps += 1
        warm = 0.5 * self.per_epoch if self.texts else 0
        self.optimiser.param_groups[0]["lr"] = self.lr * min(1, self.steps / warm) if warm else self.lr
        self.optimiser.zero_grad(set_to_none=True)
        self.loss(self.net(self.x[chosen]), self.y[chosen]).backward()
        if self.clip:
            torch.nn.utils.clip_grad_norm_(self.net.parameters(), self.clip)
        self.optimiser.step()

    def right(self, scores, label):
        if not self.texts:
            return int((scores.argmax(1) == label).sum())
        best = scores.argmax(2).t().numpy()
        count = 0
        for row, truth in zip(best, label.numpy()):
            merged = [s for i, s in enumerate(row) if s and (i == 0 or s != row[i - 1])]
            count += merged == list(truth)
        return count

    def test(self):
        self.net.eval()
        with torch.no_grad():
            right = sum(self.right(self.net(x), y)
                        for x, y in zip(self.test_x.split(TEST_BATCH), self.test_y.split(TEST_BATCH)))
        self.net.train()
        return right / len(self.test_y)


def learn(networks, layout, name, target, epochs, tests, seed, folder):
    """Yields a line for each test, and "done"."""
    torch.manual_seed(int(seed))
    task, spent, accuracy = Task(name, folder, networks, layout), 0.0, 0.0
    for _ in range(int(epochs) * int(tests)):
        began = time.perf_counter()
        for _ in range(task.per_epoch // int(tests)):
            task.step()
        spent += time.perf_counter() - began
        accuracy = task.test()
        yield "at %.3f %.5f" % (spent, accuracy)
        if accuracy >= float(target):
            break
    yield "done"
