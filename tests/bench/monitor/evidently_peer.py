"""Evidently's default drift report of two Parquet files, as HTML and JSON. Prints the seconds of importing, reading and reporting."""

import os
import sys
import time
import warnings

os.environ["DO_NOT_TRACK"] = "1"
warnings.filterwarnings("ignore")
begin = time.perf_counter()

import pandas as pd
from evidently import Report
from evidently.presets import DataDriftPreset

imported = time.perf_counter()
reference, current = (pd.read_parquet(file) for file in sys.argv[1:3])
read = time.perf_counter()
snapshot = Report([DataDriftPreset()]).run(current, reference)
snapshot.save_html(f"{sys.argv[3]}/report.html")
snapshot.save_json(f"{sys.argv[3]}/report.json")
done = time.perf_counter()
print(imported - begin, read - imported, done - read)
