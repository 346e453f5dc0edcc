"""Makes the peers' models of our very trees: `python convert.py FOLDER`, where bench-score left them.

A model is converted once and again when its trees or this program have changed. Of scikit-learn's forest skl2onnx makes
the ONNX model, as one would; for boosted trees, which scikit-learn cannot hold, it is written here.
"""

import hashlib
import pickle
import sys
import warnings
import zipfile
from pathlib import Path

warnings.filterwarnings("ignore")
import numpy as np  # noqa: E402
from trees import CLASSES, FEATURES, read_trees  # noqa: E402

HERE = Path(__file__).resolve().parent


def sklearn_forest(trees):
    """A forest that was fitted to next to nothing, with its trees replaced by ours."""
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.tree._tree import Tree

    forest = RandomForestClassifier(len(trees.trees), max_depth=1, n_jobs=1)
    forest.fit(np.random.default_rng(1).random((2 * CLASSES, FEATURES)), np.arange(2 * CLASSES) % CLASSES)
    for estimator, tree in zip(forest.estimators_, trees.trees, strict=True):
        kinds = estimator.tree_.__getstate__()["nodes"].dtype
        nodes = np.zeros(len(tree.feature), kinds)
        is_leaf = tree.feature < 0
        nodes["left_child"], nodes["right_child"] = tree.left, tree.right
        nodes["feature"] = np.where(is_leaf, -2, tree.feature)
        nodes["threshold"] = np.where(is_leaf, -2, tree.threshold)
        nodes["n_node_samples"] = nodes["weighted_n_node_samples"] = 1
        values = np.ascontiguousarray(tree.values[:, None, :], np.float64)
        state = {"max_depth": depth(tree), "node_count": len(nodes), "nodes": nodes, "values": values}
        estimator.tree_ = Tree(FEATURES, np.array([CLASSES], np.intp), 1)
        estimator.tree_.__setstate__(state)
    return forest


def depth(tree):
    depths = np.zeros(len(tree.feature), int)
    for node in np.flatnonzero(tree.feature >= 0):
        depths[[tree.left[node], tree.right[node]]] = depths[node] + 1
    return int(depths.max())


def onnx_forest(forest):
    from skl2onnx import to_onnx

    return to_onnx(forest, np.zeros((1, FEATURES), np.float32), options={id(forest): {"zipmap": False}})


def onnx_boosted(trees):
    from onnx import TensorProto, checker, helper

    counts = [len(tree.feature) for tree in trees.trees]
    names = ["feature", "threshold", "left", "right"]
    feature, threshold, left, right = (np.concatenate([getattr(tree, name) for tree in trees.trees]) for name in names)
    is_leaf = feature < 0
    tree_ids, node_ids = np.repeat(np.arange(len(counts)), counts), np.concatenate([np.arange(n) for n in counts])
    node = helper.make_node(
        "TreeEnsembleClassifier", ["X"], ["label", "probabilities"], domain="ai.onnx.ml",
        nodes_treeids=tree_ids, nodes_nodeids=node_ids,
        nodes_featureids=np.maximum(feature, 0), nodes_values=threshold,
        nodes_modes=["LEAF" if leaf else "BRANCH_LEQ" for leaf in is_leaf],
        nodes_truenodeids=np.maximum(left, 0), nodes_falsenodeids=np.maximum(right, 0),
        class_treeids=tree_ids[is_leaf], class_nodeids=node_ids[is_leaf], class_ids=tree_ids[is_leaf] % CLASSES,
        class_weights=np.concatenate([tree.values[:, 0] for tree in trees.trees])[is_leaf],
        classlabels_int64s=np.arange(CLASSES), base_values=trees.base, post_transform="SOFTMAX")
    graph = helper.make_graph(
        [node], "boosted", [helper.make_tensor_value_info("X", TensorProto.FLOAT, [None, FEATURES])],
        [helper.make_tensor_value_info("label", TensorProto.INT64, [None]),
         helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, [None, CLASSES])])
    opsets = [helper.make_opsetid("", 15), helper.make_opsetid("ai.onnx.ml", 3)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=8)
    checker.check_model(model)
    return model


def ydf_model(trees):
    """Its own converter of scikit-learn's forests lets the trees vote, and takes values at a threshold to the right."""
    import ydf

    labels = [f"c{label}" for label in range(CLASSES) for _ in range(CLASSES - label)]
    examples = {"LABEL": labels} | {f"f{feature}": np.zeros(len(labels), np.float32) for feature in range(FEATURES)}
    learner = (ydf.GradientBoostedTreesLearner(label="LABEL", num_trees=0, validation_ratio=0.0) if trees.boosted
               else ydf.RandomForestLearner(label="LABEL", num_trees=0, winner_take_all=False))
    model = learner.train(examples, verbose=0)
    if model.label_classes() != [f"c{label}" for label in range(CLASSES)]:
        raise ValueError(f"YDF has other classes: {model.label_classes()}")
    columns = {column.name: position for position, column in enumerate(model.data_spec().columns)}
    columns = [columns[f"f{feature}"] for feature in range(FEATURES)]
    if trees.boosted:
        # ydf-inference starts at 0, whatever the model says: where our scores start goes into the first round's leaves.
        model.set_initial_predictions([0.0] * CLASSES)
        for tree, base in zip(trees.trees, trees.base, strict=False):
            tree.values += base
    for tree in trees.trees:
        model.add_tree(ydf.tree.Tree(root=ydf_node(ydf.tree, tree, columns, 0)))
    return model


def ydf_node(kinds, tree, columns, position):
    if tree.feature[position] < 0:
        values = tree.values[position].tolist()
        value = (kinds.RegressionValue(num_examples=1, value=values[0]) if len(values) == 1
                 else kinds.ProbabilityValue(num_examples=1, probability=values))
        return kinds.Leaf(value=value)
    # At least the next number is more than this one.
    above = float(np.nextafter(tree.threshold[position], np.float32(np.inf)))
    condition = kinds.NumericalHigherThanCondition(
        missing=False, score=0, attribute=columns[tree.feature[position]], threshold=above)
    return kinds.NonLeaf(condition=condition, pos_child=ydf_node(kinds, tree, columns, tree.right[position]),
                         neg_child=ydf_node(kinds, tree, columns, tree.left[position]))


def convert(folder):
    trees = read_trees(folder)
    if trees.boosted:
        model = onnx_boosted(trees)
    else:
        forest = sklearn_forest(trees)
        (folder / "sklearn.pickle").write_bytes(pickle.dumps(forest))
        model = onnx_forest(forest)
    (folder / "model.onnx").write_bytes(model.SerializeToString())
    ydf_model(trees).save(str(folder / "ydf"))
    with zipfile.ZipFile(folder / "ydf.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted((folder / "ydf").iterdir()):
            archive.write(file, file.name)


def main(models):
    for folder in sorted(path for path in models.iterdir() if path.is_dir()):
        parts = [*sorted(folder.glob("*.[if]32")), Path(__file__), HERE / "trees.py", HERE / "requirements.txt"]
        made_of = hashlib.sha256(b"".join(part.read_bytes() for part in parts)).hexdigest()
        done = folder / "converted.txt"
        if not done.exists() or done.read_text() != made_of:
            print(f"converting {folder}", file=sys.stderr)
            convert(folder)
            done.write_text(made_of)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
