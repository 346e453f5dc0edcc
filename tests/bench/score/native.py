"""Scores the test rows with one peer on one thread: `python native.py TASK FOLDER PEER OUT`; timing.rs does so with ours.

Writes the probabilities and prints how fast it was, the call from Python included: from single-precision rows in memory
to probabilities there.
"""

import json
import os
import pickle
import sys
import time
import warnings
from pathlib import Path

os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")
warnings.filterwarnings("ignore")
import numpy as np  # noqa: E402

FEATURES, CLASSES, BATCHES = 40, 8, 3
# Rows one by one, as many as there is time for.
SINGLE_SECONDS = 2


def sklearn(folder):
    model = pickle.loads((folder / "sklearn.pickle").read_bytes())
    return model.predict_proba


def onnxruntime(folder):
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(folder / "model.onnx", options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return lambda rows: session.run(["probabilities"], {name: rows})[0]


def ydf(folder):
    import ydf

    ydf.verbose(0)
    model = ydf.load_model(str(folder / "ydf"))
    names = [f"f{feature}" for feature in range(FEATURES)]
    return lambda rows: model.predict(dict(zip(names, np.ascontiguousarray(rows.T), strict=True)), num_threads=1)


PEERS = {"scikit-learn": sklearn, "onnxruntime": onnxruntime, "YDF": ydf}


def timed(score, rows):
    started = time.perf_counter()
    score(rows)
    return time.perf_counter() - started


def main(task, folder, peer, out):
    rows = np.fromfile(task / "X_test.f32", "<f4").reshape(-1, FEATURES)
    score = PEERS[peer](folder)
    # The first time warms up.
    np.asarray(score(rows)).astype("<f4").tofile(out)
    batch = np.median([timed(score, rows) for _ in range(BATCHES)])
    singles, end = [], time.perf_counter() + SINGLE_SECONDS
    for i in range(len(rows)):
        # So that a row is never beside the one before.
        at = i * 7919 % len(rows)
        singles.append(timed(score, rows[at : at + 1]))
        if time.perf_counter() > end:
            break
    p50, p99 = np.quantile(singles, [0.5, 0.99]) * 1e6
    print(json.dumps({"rows_per_second": len(rows) / batch, "p50": p50, "p99": p99}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], Path(sys.argv[4]))
