"""The paper's claims beside what we measure: ``python -m benchmarks.claims`` writes docs/claims.md.

What is measured (`looking`, `training`) is kept as plain numbers in ``measured/``; each row of the
page follows from them by a rule (`rules`) that was written down before. The same rule is applied to
an untrained network of the same shape: a rule that it passes says nothing about what was learned.
"""
