"""What hostile input is made of."""

from __future__ import annotations

import json

VALUES: tuple[str, ...] = (
    *("-1", "0", "1e308", "-1.0e+400", ".inf", "-.inf", ".nan", "9" * 400, "9" * 4500, "0x" + "f" * 300, "1:1:1:1:1"),
    *(
        "true",
        "no",
        "null",
        "~",
        "''",
        '"\\0"',
        '"\\ud800"',
        "[]",
        "{}",
        "[[[[]]]]",
        "[" * 400,
        "{" * 400,
        "[" * 40 + "]" * 40,
    ),
    *(
        "2024-13-45",
        "2024-02-30 25:61:61",
        "!!int abc",
        "!!float x",
        "!!binary aGFsbG8=",
        "!!set {a, b}",
        "!!python/name:os.system",
    ),
    *(
        "&a [*a]",
        "*nothing",
        "&b {<<: *b}",
        "<<: 1",
        "? [a]\n: b",
        "---",
        "...",
        "%YAML 9.9",
        "@x",
        "`x`",
        "\t",
        "\0",
        "\ufeff",
    ),
    *(
        "../../etc/passwd",
        "/etc/shadow",
        "/dev/zero",
        "/proc/self/mem",
        "~root",
        "a/../..",
        "x" * 5000,
        "名字",
        "\u202e\u200b",
        "a\nb",
    ),
    *("$(id)", "{{ 7*7 }}", "%s%n", "<script>", "\x1b[31m", "http://u:p@h:x", "[::1", "category=*", "label=", "="),
)
"""Scalars, structures, and names that lead elsewhere."""
BYTES: tuple[bytes, ...] = (
    *(b"\0", b"\xff\xfe", b"\xff", b"\xef\xbb\xbf", b"\x1f\x8b", b"PAR1", b"PK\x03\x04", b"\r", b"\n" * 50, b"," * 300),
    *(
        b'"',
        b'""',
        b'\\"',
        b"\\N",
        b"[" * 3000,
        b"{" * 3000,
        b'{"a":' * 300,
        b"]}",
        b"9" * 5000,
        b"1e999",
        b"NaN",
        b"\\ud800",
    ),
    *(
        b"<a>" * 500,
        b"</a>",
        b"<?xml version='1.0' encoding='utf-7'?>",
        b"<!ENTITY a 'b'>",
        b"&a;",
        b"\xc3\x28",
        b"\x85\xe2\x80\xa8",
    ),
    *(
        b"x" * 70_000,
        b"-DOCSTART- O\n",
        b"B-",
        b"I-X",
        b"\t\t\t",
        b"prompt,answer\n",
        b"sep=;\n",
        b"=cmd|' /C calc'!A0",
    ),
)
SETTINGS: dict[str, tuple[str, ...]] = {
    "recipe": ("recipes/triage-sample.yaml", "recipes/medqa-sample.yaml", "recipes/ncbi-disease.yaml"),
    "policy": ("policies/qa-default.yaml", "policies/classification-default.yaml", "policies/tagging-default.yaml"),
    "params": ("params.yaml",),
    "base": ("recipes/bases/sample.yaml",),
    "comparison": ("recipes/compare-triage-sample.yaml",),
    "search": ("recipes/tune-triage-sample.yaml",),
}
"""Files that ship, by what they hold."""
FORMATS: dict[str, bytes] = {
    "jsonl": b"".join(
        b'{"id": %d, "prompt": "what is %d?", "answer": "it is %d", "category": "a"}\n' % (n, n, n) for n in range(12)
    ),
    "csv": b"id,prompt,answer,category\n" + b"".join(b'%d,"what is %d?",it is %d,a\n' % (n, n, n) for n in range(12)),
    "chat": b"".join(
        b'{"messages": [{"role": "user", "content": "what is %d?"}, {"role": "assistant", "content": "%d"}]}\n' % (n, n)
        for n in range(12)
    ),
    "conll": b"".join(b"word%d\tB-X\nand\tO\nmore%d\tI-X\n\n" % (n, n) for n in range(12)),
    "pubmedqa": json.dumps(
        {
            str(n): {
                "QUESTION": f"is {n}?",
                "CONTEXTS": ["a", "b"],
                "LONG_ANSWER": f"it is {n}",
                "final_decision": "yes",
            }
            for n in range(12)
        }
    ).encode(),
    "medquad": b"<Document id='1'><Focus>f</Focus><QAPairs>"
    + b"".join(
        b"<QAPair pid='%d'><Question qtype='t'>what is %d?</Question><Answer>%d</Answer></QAPair>" % (n, n, n)
        for n in range(12)
    )
    + b"</QAPairs></Document>",
}
"""A small source of each format that is text."""
TASKS = {"conll": "token-classification", "pubmedqa": "text-classification"}
TEMPLATES = (
    *(
        "{{ 'a' * 10000000000 }}",
        "{% for",
        "{{ messages[9].content }}",
        "{{ messages[0].content * 100000 }}",
        "{{ x.y.z }}",
    ),
    "{% for a in range(90000) %}{% for b in range(90000) %}{% endfor %}{% endfor %}",
    *("{{ ''.__class__.__mro__ }}", "{{ raise_exception('x') }}", "", "{{ messages | tojson }}", "{% set a = a %}"),
)
