"""What `tasks/training/cpu.py` replaces, measured: CPU milliseconds of one thread, the best of ten.

python bench/kernels.py
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch.nn.functional import dropout, scaled_dot_product_attention

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tasks.training.cpu import Dropout, _attention


def milliseconds(work: Callable[[], object]) -> float:
    best = float("inf")
    for _ in range(10):
        began = time.process_time()
        work()
        best = min(best, time.process_time() - began)
    return 1000 * best


def main() -> None:
    torch.set_num_threads(1)
    print("2048 tokens, 12 heads of 32, bfloat16, forward and backward\n")
    print("| tokens per record | dropout | PyTorch | Galen |\n|---:|---:|---:|---:|")
    for tokens in (64, 128, 256, 512):
        shape = (2048 // tokens, tokens, 12, 32)
        q, k, v = (torch.randn(shape, dtype=torch.bfloat16).transpose(1, 2).requires_grad_() for _ in range(3))
        for share in (0.0, 0.1):

            def theirs(share: float = share) -> None:
                scaled_dot_product_attention(q, k, v, dropout_p=share).sum().backward()  # type: ignore[no-untyped-call]  # noqa: B023

            def ours(share: float = share) -> None:
                _attention(torch.nn.Module(), q, k, v, None, dropout=share, is_causal=False)[0].sum().backward()  # type: ignore[no-untyped-call]  # noqa: B023

            print(f"| {tokens} | {share} | {milliseconds(theirs):.1f} | {milliseconds(ours):.1f} |")
    values, layer = torch.randn(2048, 384, dtype=torch.bfloat16), Dropout(0.1)
    print("\nDropout of 2048 x 384 values, forward: ", end="")
    print(f"PyTorch {milliseconds(lambda: dropout(values, 0.1)):.2f}, Galen {milliseconds(lambda: layer(values)):.2f}")


if __name__ == "__main__":
    main()
