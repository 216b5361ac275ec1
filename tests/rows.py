"""Synthetic records with something to learn in them."""

from __future__ import annotations

import random
from typing import Any

from tasks.config.words import Task

Row = dict[str, Any]
CONDITIONS = {  # condition -> (category, sign)
    "asthma": ("respiratory", "wheezing"),
    "pneumonia": ("respiratory", "fever and cough"),
    "eczema": ("skin", "itching"),
    "psoriasis": ("skin", "scaly plaques"),
    "migraine": ("nervous", "throbbing headache"),
    "epilepsy": ("nervous", "seizures"),
}
ZH = {
    "asthma": "哮喘",
    "pneumonia": "肺炎",
    "eczema": "湿疹",
    "psoriasis": "银屑病",
    "migraine": "偏头痛",
    "epilepsy": "癫痫",
}
SIGNS_ZH = {
    "asthma": "喘息",
    "pneumonia": "发热",
    "eczema": "瘙痒",
    "psoriasis": "鳞屑",
    "migraine": "头痛",
    "epilepsy": "抽搐",
}
FILLER = ("the", "patient", "was", "seen", "with", "today", "and", "then", "went", "home", "after", "some", "rest")


def rows(task: Task, n: int, seed: int = 0) -> list[Row]:
    """Synthetic records, two to a group: what there is to learn is a word of the input."""
    chance = random.Random(f"{task}-{seed}")
    made = []
    for number in range(n):
        condition = sorted(CONDITIONS)[number % len(CONDITIONS)]
        category, sign = CONDITIONS[condition]
        language = "zh" if task == "causal-lm" and number % 4 == 3 else "en"
        content = _content(task, condition, category, sign, language, chance)
        made.append(
            content
            | {
                "record_id": f"r{seed}-{number:05d}",
                "group_id": f"g{seed}-{number // 2:05d}",
                "category": category,
                "language": language,
                "source": "factory",
                "licence": "CC0-1.0",
                "parents": [],
            }
        )
    return made


def _content(task: Task, condition: str, category: str, sign: str, language: str, chance: random.Random) -> Row:
    words = chance.choices(FILLER, k=chance.randint(3, 12))
    if task == "text-classification":
        return {"text": " ".join([*words, condition, "today"]), "label": category}
    if task == "token-classification":
        return {
            "tokens": [*words, "severe", condition, "today"],
            "tags": ["O"] * len(words) + ["B-Disease", "I-Disease", "O"],
        }
    if language == "zh":
        return {"prompt": f"{ZH[condition]}有什么症状？", "answer": f"{SIGNS_ZH[condition]}。", "choices": None}
    if chance.random() < 0.3:
        return {"prompt": f"Does {condition} cause {sign}?", "answer": "yes", "choices": ["yes", "no"]}
    return {"prompt": f"What is a sign of {condition}?", "answer": f"A sign of {condition} is {sign}.", "choices": None}
