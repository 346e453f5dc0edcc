"""What bench.py prints: tables and goals, as Markdown."""

import hashlib
import json
import platform
import subprocess
from importlib.metadata import version
from pathlib import Path

HERE = Path(__file__).resolve().parent

WORDS = {"nextbest": "nextbest", "onnxruntime": "onnxruntime-web", "ydf": "ydf-inference"}
TITLES = {"forest": "random forest", "boosted": "boosted trees", "default": "default model"}


def tables(measured, differences):
    print("| native, one thread | rows/s | one row, p50 / p99 | differs by at most |\n|---|---|---|---|")
    for (where, model, runner), found in measured.items():
        if where == "native":
            print(f"| {TITLES[model]}: {runner} | {found['rows_per_second']:,.0f} | {latency(found)} "
                  f"| {differences[where, model, runner]:.0e} |")
    print(f"\n| wasm in V8 ({node()}), one thread | cold start | warm start | rows/s | one row, p50 / p99 "
          "| differs by at most |\n|---|---|---|---|---|---|")
    for (where, model, runner), found in measured.items():
        if where == "V8" and model != "default":
            print(f"| {TITLES[model]}: {WORDS[runner]} | {found['cold']:,.0f} ms | {found['warm']:,.1f} ms "
                  f"| {found['rows_per_second']:,.0f} "
                  f"| {latency(found)} | {differences[where, model, runner]:.0e} |")
    for model in ["forest", "boosted"]:
        found = measured["V8", model, "nextbest"]
        print(f"\nWhat each feature contributes to each class, {TITLES[model]}, V8, p50 / p99: "
              f"{found['reasons_p50']:.2f} / {found['reasons_p99']:.2f} ms.")
    default = measured["V8", "default", "nextbest"]
    print(f"\nCold start of the default model: {default['cold']:.1f} ms (load the package {default['package']:.1f}, "
          f"compile the module {default['module']:.1f}, load the bundle and score {default['bundle']:.1f}); "
          f"warm start: {default['warm']:.1f} ms.")


def latency(found):
    return f"{found['p50']:,.1f} / {found['p99']:,.1f} µs"


def node():
    printed = subprocess.run(["node", "--version"], check=True, stdout=subprocess.PIPE, text=True).stdout
    return "Node " + printed.strip().removeprefix("v")


def sizes(options):
    """Bytes to download: model and runtime, each compressed as a web server would send it."""
    modules, package = options.node_modules, options.package
    onnxruntime, ydf = modules / "onnxruntime-web/dist", modules / "ydf-inference/dist"
    runtimes = {
        "nextbest": [package / "pkg/nextbest_wasm_bg.wasm", package / "pkg/nextbest_wasm.js",
                     *sorted((package / "dist").glob("*.js"))],
        "onnxruntime": [onnxruntime / name for name in
                        ["ort-wasm-simd-threaded.wasm", "ort-wasm-simd-threaded.mjs", "ort.wasm.min.mjs"]],
        "ydf": [ydf / "inference.wasm", ydf / "inference.js", modules / "jszip/dist/jszip.min.js"],
    }
    models = {"nextbest": "model.bundle", "onnxruntime": "model.onnx", "ydf": "ydf.zip"}
    known = options.work / "brotli.json"
    print("\n| bytes, brotli 11 | runtime | random forest | boosted trees |\n|---|---|---|---|")
    for runner, files in runtimes.items():
        runtime = sum(brotli(files, known))
        forest, boosted = brotli([options.models / model / models[runner] for model in ["forest", "boosted"]], known)
        print(f"| {WORDS[runner]} | {runtime:,} | {forest:,} | {boosted:,} |")
    print(f"\nThe default model's bundle: {brotli([options.default_bundle], known)[0]:,} bytes.")


def brotli(files, known):
    """The large ones take a minute each, so what was compressed once is known by its hash."""
    hashes = [hashlib.sha256(Path(file).read_bytes()).hexdigest() for file in files]
    sizes = json.loads(known.read_text()) if known.exists() else {}
    new = {name: file for name, file in zip(hashes, files, strict=True) if name not in sizes}
    if new:
        command = ["node", HERE / "brotli.mjs", *new.values()]
        printed = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
        sizes |= dict(zip(new, json.loads(printed), strict=True))
        known.write_text(json.dumps(sizes))
    return [sizes[name] for name in hashes]


def wanted(measured):
    """What is asked for: (words, how many times better we are, at least so many)."""

    def faster(where, model, peer, key="rows_per_second"):
        ours, theirs = measured[where, model, "nextbest"][key], measured[where, model, peer][key]
        return ours / theirs if key == "rows_per_second" else theirs / ours

    for model in ["forest", "boosted"]:
        title = TITLES[model]
        yield f"{title}, V8, one row: onnxruntime-web's p50", faster("V8", model, "onnxruntime", "p50"), 10
        yield f"{title}, V8, one row: YDF's p50", faster("V8", model, "ydf", "p50"), 12
        yield f"{title}, V8, batch: onnxruntime-web's rows/s", faster("V8", model, "onnxruntime"), 8
        yield f"{title}, V8, batch: YDF's rows/s", faster("V8", model, "ydf"), 14
        yield f"{title}, native, batch: onnxruntime's rows/s", faster("native", model, "onnxruntime"), 10
        if model == "forest":
            yield f"{title}, native, batch: scikit-learn's rows/s", faster("native", model, "scikit-learn"), 6
            yield f"{title}, V8: YDF's cold start", faster("V8", model, "ydf", "cold"), 50
            yield f"{title}, V8: YDF's warm start", faster("V8", model, "ydf", "warm"), 50


def goals(measured):
    print("\n| goal | measured | |\n|---|---|---|")
    results = []
    for words, times, least in wanted(measured):
        results.append((f"{words}: at least {least} × better", f"{times:.1f} ×", times >= least))
    for start in ["cold", "warm"]:
        found = measured["V8", "default", "nextbest"][start]
        results.append((f"default model, V8: a {start} start of less than 10 ms", f"{found:.1f} ms", found < 10))
    for words, found, reached in results:
        print(f"| {words} | {found} | {'reached' if reached else '**missed**'} |")
    return all(reached for *_, reached in results)


def versions(options):
    python = [f"{name} {version(name)}" for name in ["onnxruntime", "scikit-learn", "ydf"]]
    packages = [options.node_modules / name / "package.json" for name in ["onnxruntime-web", "ydf-inference"]]
    javascript = ["{name} {version}".format(**json.loads(package.read_text())) for package in packages]
    python.insert(0, f"Python {platform.python_version()}")
    print(f"\nMedians of {options.rounds} rounds; {', '.join(python + javascript)}.")
