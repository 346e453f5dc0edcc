#!/usr/bin/env python3
"""Fails where files of a crate import each other in a circle of more than a few: scripts/circles.py [--list] SRC [SRC ...].

An arrow runs from a file to each file whose items it names, by `use` or by a path in its code. A name that a module only hands on
(`pub use`) counts as an arrow to the file that defines it. Unit tests are left out: they may look wherever they like.
"""

import re
import sys
from pathlib import Path

# As many files may form a circle.
MOST = 5


def modules(source: Path) -> dict[tuple[str, ...], Path]:
    """Each module's file."""
    found = {}
    for file in sorted(source.rglob("*.rs")):
        parts = file.relative_to(source).with_suffix("").parts
        if "tests" in parts:
            continue
        if parts[-1] == "mod" or parts == ("lib",):
            parts = parts[:-1]
        found[parts] = file
    return found


def code(file: Path) -> str:
    """A file's text without comments, texts and unit tests."""
    text = re.split(r"#\[cfg\(test\)\]\s*mod tests\b", file.read_text())[0]
    text = re.sub(r"//[^\n]*", "", text)
    return re.sub(r'"(?:\\.|[^"\\])*"', '""', text)


def leaves(tree: str) -> list[tuple[str, str]]:
    """The paths of a `use` tree, each with the name that it gets here."""
    tree = tree.strip()
    head, brace, rest = tree.partition("{")
    if not brace:
        path, _, alias = tree.partition(" as ")
        path = path.strip().removesuffix("::self")
        return [(path, alias.strip() or path.rsplit("::", 1)[-1])]
    parts, depth, part = [], 0, ""
    for character in rest[: rest.rindex("}")]:
        depth += {"{": 1, "}": -1}.get(character, 0)
        if character == "," and depth == 0:
            parts.append(part)
            part = ""
        else:
            part += character
    return [leaf for it in [*parts, part] if it.strip() for leaf in leaves(head + it.strip())]


class Crate:
    """The modules of a crate, and what each names."""

    def __init__(self, source: Path) -> None:
        self.files = modules(source)
        self.named: dict[tuple[str, ...], dict[str, str]] = {}
        self.arrows: dict[tuple[str, ...], set[tuple[str, ...]]] = {}
        bodies, handed = {}, {}
        for module, file in self.files.items():
            text = code(file)
            uses = re.findall(r"\b(pub(?:\([^)]*\))?\s+)?use\s+([^;]+);", text)
            paths = [(bool(public), *leaf) for public, tree in uses for leaf in leaves(re.sub(r"\s+", " ", tree))]
            self.named[module] = {name: path for _, path, name in paths}
            handed[module] = {name for public, _, name in paths if public}
            body = re.sub(r"\buse\s+[^;]+;", "", text)
            # How far something is seen is no arrow.
            bodies[module] = re.sub(r"\bpub\(in [^)]*\)", "", body)
        for module, body in bodies.items():
            used = [path for name, path in self.named[module].items() if name not in handed[module]]
            written = re.findall(r"\b[A-Za-z_]\w*(?:\s*::\s*[A-Za-z_]\w*)+", body)
            names = [name for name in handed[module] if re.search(rf"\b{re.escape(name)}\b", body)]
            found = {self.file_of(module, re.sub(r"\s+", "", path)) for path in [*used, *written, *names]}
            self.arrows[module] = {it for it in found if it not in (None, module)}

    def file_of(self, module: tuple[str, ...], path: str, depth: int = 0) -> tuple[str, ...] | None:
        """The module whose file defines what a path names; None where that is another crate's."""
        names = path.split("::")
        first = names[0]
        if first == "crate":
            at, names = (), names[1:]
        elif first == "self":
            at, names = module, names[1:]
        elif first == "super":
            at = module
            while names and names[0] == "super":
                at, names = at[:-1], names[1:]
        elif (*module, first) in self.files or (first in self.named[module] and depth < 8):
            at = module
        else:
            return None
        while names and (*at, names[0]) in self.files:
            at, names = (*at, names[0]), names[1:]
        if names and depth < 8 and names[0] in self.named.get(at, {}):
            further = self.file_of(at, "::".join([self.named[at][names[0]], *names[1:]]), depth + 1)
            return further
        return at if at in self.files else None

    def circles(self) -> list[list[tuple[str, ...]]]:
        """The strongly connected files, the largest circle first."""
        reached = {module: self.reach(module) for module in self.files}
        left, found = set(self.files), []
        for module in self.files:
            if module in left:
                circle = sorted(it for it in reached[module] if module in reached[it]) or [module]
                left -= set(circle)
                found.append(circle)
        return sorted((it for it in found if len(it) > 1), key=len, reverse=True)

    def reach(self, module: tuple[str, ...]) -> set[tuple[str, ...]]:
        """All that a module's arrows lead to."""
        reached, opened = set(), [module]
        while opened:
            for further in self.arrows[opened.pop()] - reached:
                reached.add(further)
                opened.append(further)
        return reached

    def closing(self, circle: list[tuple[str, ...]]) -> list[tuple[tuple[str, ...], tuple[str, ...]]]:
        """The arrows of a circle, first those without which the largest circle that is left is smallest."""
        members = set(circle)
        arrows = [(tail, head) for tail in circle for head in sorted(self.arrows[tail] & members)]

        def left(arrow: tuple[tuple[str, ...], tuple[str, ...]]) -> int:
            tail, head = arrow
            self.arrows[tail].discard(head)
            largest = max((len(it) for it in self.circles() if members & set(it)), default=0)
            self.arrows[tail].add(head)
            return largest

        return sorted(arrows, key=left) if len(arrows) < 400 else arrows


def main() -> int:
    listed = "--list" in sys.argv
    wrong = 0
    for source in [Path(it) for it in sys.argv[1:] if it != "--list"]:
        crate = Crate(source)
        circles = crate.circles()
        name = lambda module: str(crate.files[module].relative_to(source))
        print(f"{source}: {len(crate.files)} files, largest circle of imports: {len(circles[0]) if circles else 0}")
        for circle in circles:
            if len(circle) > MOST or listed:
                arrows = crate.closing(circle)
                shown = arrows if listed else arrows[:5]
                print(f"  a circle of {len(circle)} files: {', '.join(map(name, circle))}")
                for tail, head in shown:
                    print(f"    {name(tail)} -> {name(head)}")
            wrong += len(circle) > MOST
    if wrong:
        print(f"error: at most {MOST} files may import each other in a circle; the arrows above, the first ones first, close them")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
