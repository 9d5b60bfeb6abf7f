"""Batches of random ids with image markers at stated places."""

import math

import torch

from goldens.numbers import Stream

MASK_TAIL = 6  # how many positions of the answer count in a loss
FIRST_ID = 20  # ids below stand for special tokens


class Inputs:
    """Batches of random ids with image markers at stated places."""

    def __init__(self, config, case, seed):
        self.config, self.stream = config, Stream(seed)
        self.vocabulary = case["vocab_size"]
        self.features = case.get("image_hidden_size", case.get("(fixture) image_hidden_size"))

    def row(self, *parts):
        """Numbers are that many text ids, "image" a full run of markers, "short" one marker less."""
        ids = []
        for part in parts:
            if isinstance(part, str):
                ids += [self.config.marker] * (self.config.image_tokens - (part == "short"))
            else:
                drawn = self.stream.ints(part, FIRST_ID, self.vocabulary)
                ids += [FIRST_ID if i == self.config.marker else i for i in drawn]
        return ids

    def images(self, batch, count):
        return self.stream.floats([batch, count, self.config.image_tokens, self.features], math.sqrt(3))

    def batch(self, rows, images, padded=0):
        """Rows of equal length; v2 shifts its targets here, so each row is drawn with one id more."""
        tail = min(MASK_TAIL, len(rows[0]) // 2)
        ids, after = [row[:-1] for row in rows], [row[1:] for row in rows]
        mask = [[int(len(row) - tail <= t) for t in range(len(row))] for row in ids]
        mask[0] = [m if t < len(mask[0]) - 2 else 0 for t, m in enumerate(mask[0])]
        batch = {"input_ids": torch.tensor(ids)}
        if images:
            batch["features"] = self.images(len(rows), images)
        if padded:
            batch["attention_mask"] = torch.ones_like(batch["input_ids"])
            batch["attention_mask"][0, :padded] = 0
            batch["input_ids"][0, :padded] = 0
        if self.config.version == "v2":
            return batch | {"targets": torch.tensor(after), "loss_mask": torch.tensor(mask)}
        return batch | {"labels": batch["input_ids"].masked_fill(torch.tensor(mask) == 0, -100)}

    def all(self, names):
        n, row = self.config.image_tokens, self.row
        make = {
            "img0": lambda: self.batch([row(10), row(10)], 0),
            "img1": lambda: self.batch([row(4, "image", 8), row(6, "image", 6)], 1),
            "img2": lambda: self.batch([row(3, "image", 1, "image", 8)], 2),
            "mixed": lambda: self.batch([row(3, "image", 6 + n), row(5, "image", 2, "image", 2)], 2),
            "surplus_runs": lambda: self.batch([row(2, "image", 1, "image", 7)], 1),
            "short_run": lambda: self.batch([row(6, "short", 1)], 1),
            "masked": lambda: self.batch([row(6, "image", 6), row(5, "image", 7)], 1, padded=3),
            "adjacent": lambda: self.batch([row(4, "image", "image", 7)], 2),
        }
        return {name: make[name]() for name in names}
