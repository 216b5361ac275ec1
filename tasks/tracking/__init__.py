"""MLflow: an index of runs and models for people and tools, never the evidence (that is the ledger).

The only importer of mlflow, apart from `tasks/release/served.py`, which MLflow itself runs. Without
`MLFLOW_TRACKING_URI` everything lies in an SQLite file and a folder under `GALEN_HOME`.
"""
