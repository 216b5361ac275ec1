"""Tiny models and dataset versions, made on the spot: learnable in seconds, the same bytes for the same arguments."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from tasks.config.words import DATASET_TASK, DatasetTask, Task
from tasks.data.records import CONTENT, membership_schema, schema
from tasks.data.version import SPLITS, DatasetVersion
from tasks.digest import digest_data
from tasks.meta.dataset import DatasetMeta, SourceMeta
from tasks.store import Store
from tests.rows import Row, rows


def tiny_llama(
    folder: Path,
    *,
    hidden: int = 64,
    layers: int = 2,
    vocab: int = 384,
    tied: bool = False,
    chat: bool = False,
    seed: int = 0,
) -> Path:
    """A random Llama with a byte-level BPE tokenizer, as a Hugging Face folder. `chat` adds a chat template."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=_byte_tokenizer(vocab), bos_token="<s>", eos_token="</s>", pad_token="<pad>"
    )
    if chat:
        tokenizer.chat_template = (
            "{% for message in messages %}<s>{{ message['role'] }}: {{ message['content'] }}\n{% endfor %}"
            "{% if add_generation_prompt %}assistant: {% endif %}"
        )
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=hidden,
        intermediate_size=2 * hidden,
        num_hidden_layers=layers,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=512,
        initializer_range=0.1,  # random features worth adapting: at 0.02 a small adapter has nothing to work with
        tie_word_embeddings=tied,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = LlamaForCausalLM(config)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def tiny_bert(folder: Path, *, hidden: int = 64, layers: int = 2, seed: int = 0) -> Path:
    """A random BERT encoder (no head) with a WordPiece tokenizer, as a Hugging Face folder."""
    import torch
    from transformers import BertConfig, BertModel, BertTokenizerFast

    folder.mkdir(parents=True, exist_ok=True)
    words = sorted({word for line in _corpus() for word in line.lower().split()})
    letters = sorted({letter for line in _corpus() for letter in line.lower() if not letter.isspace()})
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *letters, *(f"##{one}" for one in letters), *words]
    vocabulary = {piece: place for place, piece in enumerate(dict.fromkeys(pieces))}
    tokenizer = BertTokenizerFast(vocab=vocabulary)
    config = BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=hidden,
        intermediate_size=2 * hidden,
        num_hidden_layers=layers,
        num_attention_heads=4,
        max_position_embeddings=256,
        initializer_range=0.1,
    )
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = BertModel(config)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


ARCHITECTURES = (
    *("llama", "qwen3", "gemma3_text", "gpt2", "bert", "roberta", "t5", "bart"),
    *("biogpt", "gemma2", "gpt_neox", "qwen3_moe", "deberta-v2", "mpnet"),
)
ENCODERS = ("bert", "roberta", "deberta-v2", "mpnet")


def tiny_model(folder: Path, architecture: str, *, seed: int = 0) -> Path:
    """A random model of an architecture (its `model_type`), two layers of 64 features, as a Hugging Face folder."""
    import torch
    from transformers import AutoConfig, AutoModel, AutoModelForCausalLM, AutoModelForSeq2SeqLM

    if architecture == "llama":
        return tiny_llama(folder, seed=seed)
    if architecture == "bert":
        return tiny_bert(folder, seed=seed)
    tokenizer = _fast(_closed_by_ends(_byte_tokenizer(384)) if architecture in (*ENCODERS, "t5", "bart") else None)
    ids = {name: getattr(tokenizer, name) for name in ("bos_token_id", "eos_token_id", "pad_token_id")}
    known: dict[str, dict[str, Any]] = {
        "qwen3": _DECODER | {"head_dim": 16},
        "gemma3_text": _DECODER
        | {
            "head_dim": 16,
            "sliding_window": 16,
            "query_pre_attn_scalar": 16,
            "layer_types": ["sliding_attention", "full_attention"],
        },
        "gpt2": {"n_embd": 64, "n_inner": 128, "n_layer": 2, "n_head": 4, "n_positions": 512},
        "roberta": _ENCODER | {"max_position_embeddings": 258},
        "mpnet": _ENCODER | {"max_position_embeddings": 258},
        "deberta-v2": _ENCODER
        | {
            "relative_attention": True,
            "pos_att_type": ["c2p", "p2c"],
            "position_buckets": 32,
            "pooler_hidden_size": 64,
        },
        "biogpt": _ENCODER | {"max_position_embeddings": 512},
        "gpt_neox": _ENCODER | {"max_position_embeddings": 512},
        "gemma2": _DECODER
        | {
            "head_dim": 16,
            "sliding_window": 16,
            "query_pre_attn_scalar": 16,
            "layer_types": ["sliding_attention", "full_attention"],
        },
        "qwen3_moe": _DECODER
        | {"head_dim": 16, "num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 64},
        "t5": {"d_model": 64, "d_kv": 16, "d_ff": 128, "num_layers": 2, "num_heads": 4},
        "bart": {
            "d_model": 64,
            **{f"{side}_{what}": value for side in ("encoder", "decoder") for what, value in _BART.items()},
            "max_position_embeddings": 256,
            "forced_eos_token_id": None,
        },
    }
    sizes = known[architecture]
    if architecture in ("t5", "bart"):
        ids |= {"decoder_start_token_id": tokenizer.pad_token_id if architecture == "t5" else tokenizer.bos_token_id}
    spread = {"t5": "initializer_factor", "bart": "init_std"}.get(architecture, "initializer_range")
    config = AutoConfig.for_model(
        architecture, vocab_size=len(tokenizer), **sizes, **ids, **{spread: 1.0 if architecture == "t5" else 0.1}
    )
    kind = AutoModel if architecture in ENCODERS else AutoModelForCausalLM
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = (AutoModelForSeq2SeqLM if architecture in ("t5", "bart") else kind).from_config(config)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


_DECODER = {
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 512,
}
_ENCODER = {"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2, "num_attention_heads": 4}
_BART = {"layers": 2, "attention_heads": 4, "ffn_dim": 128}


def _fast(backend: Any = None) -> Any:
    from transformers import PreTrainedTokenizerFast

    special = {"bos_token": "<s>", "eos_token": "</s>", "pad_token": "<pad>", "unk_token": "<pad>"}
    return PreTrainedTokenizerFast(tokenizer_object=backend or _byte_tokenizer(384), **special)


def _closed_by_ends(backend: Any) -> Any:
    """Texts open with <s> and close with </s>, as encoders are used to."""
    from tokenizers.processors import TemplateProcessing

    ends = [(one, backend.token_to_id(one)) for one in ("<s>", "</s>")]
    backend.post_processor = TemplateProcessing(single="<s> $A </s>", pair="<s> $A </s> $B </s>", special_tokens=ends)
    return backend


def dataset_version(store: Store, task: Task, n: int = 60, *, name: str | None = None, seed: int = 0) -> DatasetVersion:
    """A sealed dataset version in a store: 60 % train, 20 % validation, 20 % test, by group."""
    task = DATASET_TASK[task]  # an encoder-decoder learns from the records of a decoder
    split: dict[str, list[Row]] = {one: [] for one in SPLITS}
    for row in rows(task, n, seed):
        place = int(row["group_id"].split("-")[1]) % 5
        split["validation" if place == 3 else "test" if place == 4 else "train"].append(row)
    return seal_rows(store, task, split, name=name or f"factory-{task}")


def seal_rows(
    store: Store, task: Task, split: dict[str, list[Row]], *, name: str = "factory", **said: object
) -> DatasetVersion:
    """A sealed dataset version made of the given rows per split; `said` goes into its metadata."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    membership, held = [], DATASET_TASK[task]
    with store.staging(f"factory-{name}") as staging:
        for one in SPLITS:
            pq.write_table(pa.Table.from_pylist(split[one], schema=schema(held)), staging / f"{one}.parquet")
            for row in split[one]:
                content = digest_data({key: row[key] for key in CONTENT[held]})
                known = {key: row[key] for key in ("record_id", "group_id", "parents")}
                membership.append(known | {"split": one, "content_digest": content})
        pq.write_table(pa.Table.from_pylist(membership, schema=membership_schema()), staging / "membership.parquet")
        return DatasetVersion(store.adopt(staging, "dataset", _meta(held, split, name).plain() | said))


def _meta(task: DatasetTask, split: dict[str, list[Row]], name: str) -> DatasetMeta:
    everything = [row for one in SPLITS for row in split[one]]
    labels: Counter[str] = Counter()
    for row in everything:
        labels.update([row["label"]] if task == "text-classification" else row.get("tags", ()))
    return DatasetMeta(
        name=name,
        task=task,
        labels=sorted(labels),
        counts={one: len(split[one]) for one in SPLITS},
        groups={one: len({row["group_id"] for row in split[one]}) for one in SPLITS},
        slices={
            column: {
                value: {one: sum(row[column] == value for row in split[one]) for one in SPLITS}
                for value in sorted({row[column] for row in everything})
            }
            for column in ("category", "language")
        },
        rejected={},
        phi={},
        source=SourceMeta(
            digest=digest_data([row["record_id"] for row in everything]), format="jsonl", rows=len(everything)
        ),
        config={},
        validation={"success": True},
        augmentation={},
        identified=False,
        licence="CC0-1.0",
    )


def _corpus() -> list[str]:
    lines = []
    for task in ("causal-lm", "text-classification", "token-classification"):
        for row in rows(task, 48):
            parts = [row[key] for key in CONTENT[task] if isinstance(row[key], str)]
            lines.append(" ".join([*parts, *(row.get("tokens") or ())]))
    return lines


def _byte_tokenizer(vocab: int) -> Any:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab,
        special_tokens=["<pad>", "<s>", "</s>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(_corpus(), trainer)
    return tokenizer
