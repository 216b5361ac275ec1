"""A plain transformers.Trainer script: what a careful person writes without Galen. The peer that Galen is measured by.

    python bench/yardstick.py --task text-classification --data FOLDER --base MODEL --mode best --epochs 3

FOLDER holds train.parquet and test.parquet with Galen's columns (a dataset version, `var/datasets/DIGEST`, has them).
`default` is TrainingArguments as they come; `best` adds bf16 and length-grouped batches; `sft` is TRL's SFTTrainer
with packing and bf16 (causal-lm). Prints one JSON line: tokens per second of real tokens, peak memory, test quality.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path
from typing import Any


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--task", required=True, choices=["text-classification", "token-classification", "causal-lm"])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--base", type=Path, required=True)
    parser.add_argument("--mode", choices=["default", "best", "sft"], default="best")
    parser.add_argument("--method", choices=["full", "lora"], default="full")
    parser.add_argument("--rank", type=int, default=16)
    parser.add_argument("--epochs", type=float, default=1.0)
    parser.add_argument("--batch", type=int, default=32, help="records per step")
    parser.add_argument("--accumulate", type=int, default=1, help="forward passes per step")
    parser.add_argument("--max-length", type=int, default=256)
    parser.add_argument("--learning-rate", type=float, default=5e-5)
    parser.add_argument("--head-learning-rate", type=float, help="of what the base has no weights for")
    parser.add_argument("--class-weights", choices=["balanced", "equal"], default="equal")
    parser.add_argument("--seed", type=int, default=17)
    parser.add_argument("--no-quality", action="store_true", help="measure speed only")
    return parser.parse_args()


def main() -> None:
    import torch
    import transformers
    from datasets import load_dataset

    args = arguments()
    transformers.logging.set_verbosity_error()
    transformers.set_seed(args.seed)
    files = {split: str(args.data / f"{split}.parquet") for split in ("train", "test")}
    with tempfile.TemporaryDirectory() as scratch:
        data = load_dataset("parquet", data_files=files, cache_dir=scratch)
        tokenizer = transformers.AutoTokenizer.from_pretrained(args.base)
        tokenizer.pad_token = tokenizer.pad_token or tokenizer.eos_token
        names = labels_of(args.task, data)
        model, fresh = load_model(args, names, tokenizer.pad_token_id)
        clock = Clock()
        encoded = data.map(
            lambda rows: ENCODERS[args.task](tokenizer, rows, names, args.max_length),
            batched=True,
            remove_columns=data["train"].column_names,
        )
        trainer = make_trainer(args, model, tokenizer, encoded["train"], scratch, clock.callback(), fresh)
        trainer.train()
        lengths = [len(ids) for ids in encoded["train"]["input_ids"]]
        tokens = sum(lengths) * args.epochs
        peak = torch.cuda.max_memory_allocated() / 2**20 if torch.cuda.is_available() else clock.peak_memory()
        found = {"tokens_per_second": tokens / clock.seconds, "seconds": clock.seconds}
        found |= {"cpu_seconds": clock.cpu_seconds, "peak_memory_mib": peak}
        if not args.no_quality:
            found |= quality(args.task, trainer, encoded["test"], names)
    print(json.dumps({"mode": args.mode, "method": args.method, "tokens": tokens} | found))


class Clock:
    """Times training from its first to its last step, without loading and encoding."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.cpu_seconds = 0.0

    def callback(self) -> Any:
        from transformers import TrainerCallback

        clock = self

        class Stopwatch(TrainerCallback):  # type: ignore[misc]  # transformers is not typed
            def on_train_begin(self, *_: Any, **__: Any) -> None:
                self.began, self.cpu_began = time.perf_counter(), time.process_time()

            def on_train_end(self, *_: Any, **__: Any) -> None:
                clock.seconds = time.perf_counter() - self.began
                clock.cpu_seconds = time.process_time() - self.cpu_began

        return Stopwatch()

    @staticmethod
    def peak_memory() -> float:
        """MiB that this process held at most."""
        status = Path("/proc/self/status").read_text()
        return int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1]) / 1024


def labels_of(task: str, data: Any) -> list[str]:
    if task == "causal-lm":
        return []
    column = data["train"]["label" if task == "text-classification" else "tags"]
    return sorted({one for row in column for one in ([row] if isinstance(row, str) else row)})


def load_model(args: argparse.Namespace, names: list[str], pad_id: int) -> tuple[Any, list[str]]:
    """The model, and the names of the weights that the base has not."""
    import torch
    import transformers

    kind = {
        "text-classification": transformers.AutoModelForSequenceClassification,
        "token-classification": transformers.AutoModelForTokenClassification,
        "causal-lm": transformers.AutoModelForCausalLM,
    }[args.task]
    heads = {} if args.task == "causal-lm" else {"num_labels": len(names)}
    model, found = kind.from_pretrained(args.base, dtype=torch.float32, output_loading_info=True, **heads)
    model.config.pad_token_id = pad_id
    if args.method == "lora":
        from peft import LoraConfig, get_peft_model

        kinds = {"text-classification": "SEQ_CLS", "token-classification": "TOKEN_CLS", "causal-lm": "CAUSAL_LM"}
        config = LoraConfig(
            task_type=kinds[args.task], r=args.rank, lora_alpha=2 * args.rank, target_modules="all-linear",
            modules_to_save=None if args.task == "causal-lm" else ["classifier"],
        )  # fmt: skip
        model = get_peft_model(model, config)
    return model, sorted(found["missing_keys"])


def encode_text(tokenizer: Any, rows: Any, names: list[str], length: int) -> Any:
    found = tokenizer(rows["text"], truncation=True, max_length=length)
    return found | {"labels": [names.index(label) for label in rows["label"]]}


def encode_tags(tokenizer: Any, rows: Any, names: list[str], length: int) -> Any:
    found = tokenizer(rows["tokens"], is_split_into_words=True, truncation=True, max_length=length)
    labels = []
    for row, tags in enumerate(rows["tags"]):
        words = found.word_ids(row)
        first = [word is not None and word not in words[:at] for at, word in enumerate(words)]
        labels.append([names.index(tags[word]) if new else -100 for word, new in zip(words, first, strict=True)])
    return found | {"labels": labels}


def encode_answers(tokenizer: Any, rows: Any, names: list[str], length: int) -> Any:
    prompts = tokenizer([f"Question: {one}\nAnswer: " for one in rows["prompt"]], add_special_tokens=False)["input_ids"]
    answers = tokenizer([f"{one}{tokenizer.eos_token}" for one in rows["answer"]], add_special_tokens=False)[
        "input_ids"
    ]
    kept = [(prompt, answer) for prompt, answer in zip(prompts, answers, strict=True) if len(prompt + answer) <= length]
    return {
        "input_ids": [prompt + answer for prompt, answer in kept],
        "labels": [[-100] * len(prompt) + answer for prompt, answer in kept],
        "attention_mask": [[1] * len(prompt + answer) for prompt, answer in kept],
    }


ENCODERS = {
    "text-classification": encode_text,
    "token-classification": encode_tags,
    "causal-lm": encode_answers,
}


def make_trainer(
    args: argparse.Namespace, model: Any, tokenizer: Any, train: Any, scratch: str, clock: Any, fresh: list[str]
) -> Any:
    import torch
    import transformers

    common: dict[str, Any] = {
        "output_dir": scratch,
        "num_train_epochs": args.epochs,
        "per_device_train_batch_size": args.batch // args.accumulate,
        "gradient_accumulation_steps": args.accumulate,
        "learning_rate": args.learning_rate,
        "seed": args.seed,
        "save_strategy": "no",
        "report_to": "none",
        "disable_tqdm": True,
        "use_cpu": not torch.cuda.is_available(),
    }
    if args.mode == "sft":
        from trl import SFTConfig, SFTTrainer

        config = SFTConfig(**common, bf16=True, packing=True, max_length=args.max_length, gradient_checkpointing=False)
        return SFTTrainer(model=model, args=config, train_dataset=train, processing_class=tokenizer, callbacks=[clock])
    if args.mode == "best":
        common |= {"bf16": True, "train_sampling_strategy": "group_by_length", "warmup_steps": 0.06}
    collator = (
        transformers.DataCollatorWithPadding(tokenizer)
        if args.task == "text-classification"
        else transformers.DataCollatorForTokenClassification(tokenizer)
    )
    extra: dict[str, Any] = {}
    if args.class_weights == "balanced":
        extra["compute_loss_func"] = weighted_loss(train["labels"], model.config.num_labels)
    if args.head_learning_rate is not None:
        extra["optimizers"] = (two_rates(model, fresh, args), None)
    return transformers.Trainer(
        model=model,
        args=transformers.TrainingArguments(**common),
        train_dataset=train,
        data_collator=collator,
        callbacks=[clock],
        **extra,
    )


def weighted_loss(labels: list[int], count: int) -> Any:
    """Cross entropy with weights so that every label counts alike over the train split (scikit-learn: "balanced")."""
    import torch

    each = torch.bincount(torch.tensor(labels), minlength=count).double()
    weights = torch.where(each > 0, len(labels) / (count * each), 0.0).float()

    def loss(outputs: Any, targets: Any, num_items_in_batch: Any = None) -> Any:
        total = torch.nn.functional.cross_entropy(
            outputs.logits.float(), targets, weights.to(targets.device), reduction="sum"
        )
        return total / (len(targets) if num_items_in_batch is None else num_items_in_batch)

    return loss


def two_rates(model: Any, fresh: list[str], args: argparse.Namespace) -> Any:
    """AdamW as Trainer makes it (no weight decay), the new weights at a rate of their own."""
    import torch

    head = [name.rpartition(".")[0] for name in fresh]
    groups: dict[bool, list[Any]] = {False: [], True: []}
    for name, weight in model.named_parameters():
        if weight.requires_grad:
            groups[any(f".{one}." in f".{name}" for one in head)].append(weight)
    if not groups[True]:
        raise SystemExit("--head-learning-rate: the base has weights for all of the model")
    rates = {False: args.learning_rate, True: args.head_learning_rate}
    return torch.optim.AdamW(
        [{"params": some, "lr": rates[new]} for new, some in groups.items() if some], weight_decay=0.0, fused=True
    )


def quality(task: str, trainer: Any, test: Any, names: list[str]) -> dict[str, float]:
    """Macro-F1, entity F1 (exact spans) or the loss on the test split."""
    import numpy as np

    if task == "causal-lm":
        return {"test_loss": trainer.evaluate(test)["eval_loss"]}
    output = trainer.predict(test)
    predicted = np.argmax(output.predictions, -1)
    if task == "text-classification":
        from sklearn.metrics import accuracy_score, f1_score

        return {
            "accuracy": float(accuracy_score(output.label_ids, predicted)),
            "macro_f1": float(f1_score(output.label_ids, predicted, average="macro")),
        }
    right = found = there = 0
    for guess, truth in zip(predicted, output.label_ids, strict=True):
        real = truth != -100
        guessed, meant = (spans([names[one] for one in row[real]]) for row in (guess, truth))
        right, found, there = right + len(guessed & meant), found + len(guessed), there + len(meant)
    return {"entity_f1": 2 * right / (found + there) if found + there else 0.0}


def spans(tags: list[str]) -> set[tuple[int, int, str]]:
    """(first, last, kind) of each entity of BIO tags; an I- after another kind begins an entity."""
    made: set[tuple[int, int, str]] = set()
    start, kind = 0, ""
    for at, tag in enumerate([*tags, "O"]):
        if kind and tag != f"I-{kind}":
            made.add((start, at - 1, kind))
            kind = ""
        if tag != "O" and not kind:
            start, kind = at, tag.partition("-")[2]
    return made


if __name__ == "__main__":
    main()
