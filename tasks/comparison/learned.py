"""What a method learned, in a form that a person can read, and what the model is without it."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from tasks.artifact import Artifact
from tasks.code import code_of
from tasks.config.evaluation import EvaluationSettings
from tasks.config.words import GENERATING, Split
from tasks.data.version import DatasetVersion
from tasks.evaluation.evaluate import evaluate, evaluation_of, subject_of
from tasks.evaluation.evaluation import Evaluation
from tasks.evaluation.forward import encoded, forward, states
from tasks.evaluation.metric import metric_modules
from tasks.evaluation.predict import Predictions, Rows, predict
from tasks.evaluation.sample import judged_rows
from tasks.meta.model import ModelMeta
from tasks.store import Store
from tasks.training.blocks import layer_of
from tasks.training.method import Trained, method_of, options_of

if TYPE_CHECKING:
    from transformers import PreTrainedModel

    from tasks.training.bases import Base

RECORDS = 16  # of the split that is judged on, to run through a model


def learned(artifact: Artifact, base: Base, dataset: DatasetVersion, split: Split) -> dict[str, Any]:
    """What can be told of a trained artifact; a part that its method does not have is not there.

    Returns:
        `weights`: per layer, size of the change of its weights over the size of the weights (Frobenius norms);
        `states`: per layer, how far what it makes of some inputs of the split moved, relative to its size;
        and what the method itself tells (`Method.learned`).
    """
    found: dict[str, Any] = {}
    if changes := weight_changes(artifact, base):
        found["weights"] = changes
    return found | _in_passing(artifact, base, dataset, split)


def weight_changes(artifact: Artifact, base: Base) -> dict[str, float]:
    """Per layer |after - before| / |before|; nothing for methods that leave no weight of the base changed.

    A 4-bit base is compared with itself dequantized: rounding it is not what was learned. Heads made for the task
    have no before, and are left out.
    """
    from tasks.release.merge import load_plain_base
    from tasks.training.shapes import fresh_modules

    said = ModelMeta.read(artifact)
    options = options_of(said)
    method = method_of(options)
    if not method.mergeable:
        return {}
    plain = load_plain_base(artifact, method, base)
    fresh = fresh_modules(base, said.task, said.labels)
    before = {name: value.detach().clone() for name, value in plain.named_parameters()}
    after = dict(method.merge(method.load(plain, artifact.path, options)).named_parameters())
    sums: dict[str, list[float]] = defaultdict(lambda: [0.0, 0.0])
    for name, old in before.items():
        if any(name.startswith(f"{head}.") for head in fresh) or name not in after:
            continue
        change = after[name].detach().float() - old.float()
        part = sums[layer_of(name)]
        part[0] += float(change.square().sum())
        part[1] += float(old.float().square().sum())
    return {layer: (change / size) ** 0.5 if size else 0.0 for layer, (change, size) in sums.items()}


def switched_off(
    store: Store,
    artifact: Artifact,
    base: Base,
    dataset: DatasetVersion,
    settings: EvaluationSettings,
    split: Split,
) -> Evaluation | None:
    """The same model without what it learned, its trained head excepted: what the method itself is worth.

    None where nothing but the head was learned, so that nothing can be switched off.
    """
    from tasks.training.hardware import native_dtype
    from tasks.training.loading import load_base
    from tasks.training.opening import open_model
    from tasks.training.shapes import fresh_modules, head_modules

    said = ModelMeta.read(artifact)
    task, labels = said.task, said.labels
    if task in GENERATING:
        return evaluate(store, base, dataset, settings, split=split)
    plain = load_base(base, task, labels, dtype=native_dtype())
    heads = head_modules(plain, fresh_modules(base, task, labels), task)
    inside = sum(weight.numel() for name in heads for weight in plain.get_submodule(name).parameters())
    if said.training.trained_parameters <= inside:
        return None

    def run(rows: Rows) -> Predictions:
        tuned, tokenizer = open_model(artifact, task, labels, base=base, dtype=native_dtype())
        _copy_heads(tuned, plain, heads)
        length = said.training.max_length
        return predict(plain.to(tuned.device), tokenizer, task, labels, rows, settings, max_length=length)

    subject = subject_of(artifact).with_labels(labels).as_baseline("switched off")
    code = code_of(__name__, method_of(options_of(said)).module, *metric_modules(dataset.task))
    return evaluation_of(store, subject, dataset, settings, split, run, code)


def _copy_heads(tuned: Any, plain: PreTrainedModel, heads: tuple[str, ...]) -> None:
    """The trained heads of a model, whatever is wrapped around it, into a plain base."""
    import torch

    learned_heads = {
        plain_name(name): value for name, value in tuned.named_parameters() if ".original_module." not in name
    }
    with torch.no_grad():
        for name, weight in plain.named_parameters():
            if any(name.startswith(f"{head}.") for head in heads):
                weight.copy_(learned_heads[name])


def plain_name(name: str) -> str:
    """The name of a weight in the plain model, from the one that it has inside what methods wrap around it."""
    return name.removeprefix("base_model.model.").removeprefix("inner.").replace(".modules_to_save.default.", ".")


def _in_passing(artifact: Artifact, base: Base, dataset: DatasetVersion, split: Split) -> dict[str, Any]:
    """What can be seen while some inputs go through base and tuned model: changed states, and the method's own."""
    import torch

    from tasks.training.opening import open_model
    from tasks.training.shapes import longest_input

    said = ModelMeta.read(artifact)
    task, labels = said.task, said.labels
    rows = judged_rows(dataset.rows(split), None)[:RECORDS]
    before, tokenizer = open_model(base, task, labels, dtype=torch.float32)
    after, _ = open_model(artifact, task, labels, base=base, dtype=torch.float32)
    length = longest_input(after.config, said.training.max_length)
    texts, padding = encoded(tokenizer, rows, task, length), int(tokenizer.pad_token_id or 0)
    one, mask = states(before, texts, padding)
    two, _ = states(after, texts, padding)
    there = mask.bool()
    moved = [float((new - old)[there].norm() / old[there].norm()) for old, new in zip(one, two, strict=True)]
    trained = Trained(artifact.path, after, before, tokenizer, texts, lambda text: forward(after, [text], padding))
    own = method_of(options_of(said)).learned(trained)
    return {"states": {f"layer {place}" if place else "embeddings": v for place, v in enumerate(moved)}} | own
