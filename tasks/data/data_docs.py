"""Great Expectations' own page about a validation, as one file that loads nothing from elsewhere.

The page as Great Expectations writes it fetches scripts, styles and pictures from nine hosts, and holds the time and
random numbers. What a browser would fetch, and with it the navigation that needs scripts, is taken out here, and so is
the column of observed values, of which there are none; the same validation always gives the same bytes.
"""

from __future__ import annotations

import re
from itertools import count

from tasks.data.expectations import Validation
from tasks.plain_text import html as as_html

_FETCHED = re.compile(r"<(head|script|nav|footer)\b.*?</\1>|<(?:link|img)\b[^>]*>", re.DOTALL)
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_HEAD = """<head><meta charset="UTF-8"><title>{title}</title>
<style>
body {{ font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }}
table {{ border-collapse: collapse; width: 100%; }}
td, th {{ border-bottom: 1px solid #8884; padding: .3rem .6rem; text-align: left; }}
.sticky, td:nth-child(3), th:nth-child(3) {{ display: none; }}
.badge {{ font-weight: 600; }}
.fa-check-circle::before {{ content: "\\2714"; color: #187a38; }}
.fa-times::before {{ content: "\\2718"; color: #b3261e; }}
.fa-exclamation-triangle::before {{ content: "\\26A0"; }}
</style></head>"""


def page(validation: Validation, name: str) -> str:
    """The page about one dataset's validation, as HTML."""
    import great_expectations as gx
    from great_expectations.core import ExpectationSuiteValidationResult, ExpectationValidationResult
    from great_expectations.expectations.expectation_configuration import ExpectationConfiguration
    from great_expectations.render.renderer import ValidationResultsPageRenderer
    from great_expectations.render.view import DefaultJinjaPageView

    results = [
        ExpectationValidationResult(
            success=verdict.success,
            expectation_config=ExpectationConfiguration(
                type=verdict.type,
                kwargs={**dict(zip(_column_keys(verdict.columns), verdict.columns, strict=True)), **verdict.arguments},
            ),
            result={},
        )
        for verdict in validation.verdicts
    ]
    met = sum(verdict.success for verdict in validation.verdicts)
    outcome = ExpectationSuiteValidationResult(
        success=not validation.failed,
        results=results,
        suite_name=validation.suite.name,
        statistics={
            "evaluated_expectations": len(results),
            "successful_expectations": met,
            "unsuccessful_expectations": len(results) - met,
            "success_percent": 100 * met / len(results),
        },
        meta={"great_expectations_version": gx.__version__, "run_id": {"run_name": name, "run_time": ""}},
    )
    html = DefaultJinjaPageView().render(ValidationResultsPageRenderer().render(outcome))
    html = _FETCHED.sub("", html).replace("<body>", _HEAD.format(title=f"{name}: validation") + "<body>")
    reasons = "".join(f"<dt>{as_html(one)}</dt><dd>{as_html(one.notes)}</dd>" for one in validation.verdicts)
    html = html.replace("</body>", f"<h5>What each expectation is for</h5><dl>{reasons}</dl></body>")
    numbers = count(1)
    known: dict[str, int] = {}
    return _UUID.sub(lambda found: str(known.get(found[0]) or known.setdefault(found[0], next(numbers))), html)


def _column_keys(columns: tuple[str, ...]) -> tuple[str, ...]:
    return ("column",) if len(columns) == 1 else ("column_A", "column_B")[: len(columns)]
