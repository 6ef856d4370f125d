"""``card.md``: what whoever uses the network must know of it, in Markdown."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from regnas.studies.find import words
from regnas.studies.find.files import ONNX, PROGRAM
from regnas.studies.find.finding import Finding
from regnas.studies.reporting.markdown import code, escape
from regnas.studies.reporting.text_table import Table, markdown
from regnas.studies.training.using.report import summary, tables
from regnas.system.files import write_text


def write(found: Finding, path: Path) -> None:
    """Write the card.

    Raises:
        OSError: it cannot be written.
    """
    write_text(path, "\n".join(lines(found)) + "\n")


def lines(found: Finding) -> Iterator[str]:
    """The card, line by line."""
    yield from (f"# {escape(found.folder.resolve().name)}", "", escape(found.conclusion), "")
    yield from _table(words.network(found))
    yield from _table(words.images(found))
    if found.remarks:
        yield from ("What is odd about them:", "", *(f"- {escape(one)}" for one in found.remarks), "")
    yield from _preprocessing(found)
    yield from _test(found)
    yield from _use(found)
    yield from _table(words.searched(found))
    yield from ("## How sure it is", "", *(f"- {escape(one)}." for one in words.sure(found)), "")
    yield from ("## Limits of the claim", "", *(f"- {escape(one)}" for one in words.limits(found)), "")
    yield from _table(words.files(found))
    yield from _table(words.versions(found))


def _table(one: Table) -> Iterator[str]:
    yield from markdown(one)
    yield ""


def _preprocessing(found: Finding) -> Iterator[str]:
    """What is done to a picture, in numbers."""
    facts = found.training
    decoding = facts.get("decoding") or {}
    rows = [(name, str(decoding[name])) for name in ("seen", "cut", "filter") if name in decoding]
    rows += [("resolution", f"{facts['resolution']} px a side"), ("channels", str(len(facts["mean"])))]
    for name in ("mean", "std"):
        rows.append((name, f"{', '.join(f'{value:.3f}' for value in facts[name])} of 0 to 255"))
    yield from _table(Table("Preprocessing", ("step", ""), tuple(rows)))


def _test(found: Finding) -> Iterator[str]:
    yield from ("## Test", "")
    if found.test is None:
        yield from ("There are no test pictures: how good the network is on new ones is not known.", "")
        return
    yield from (f"{escape(summary(found.test))}.", "")
    recall, *_ = tables(found.test, 0)
    yield from _table(Table("Recall by class", recall.heads, recall.rows))


def _use(found: Finding) -> Iterator[str]:
    """How to load it with and without regnas."""
    folder = found.folder
    yield from ("## Use", "", "With regnas:", "", "```python", "import regnas", "")
    yield f"network = regnas.load({str(folder)!r})  # a torch module"
    yield from ('print(network.predict(["picture.jpg"])[0].class_name)', "```", "")
    yield from (f"or {code(f'regnas predict {folder} picture.jpg')}.", "")
    if ONNX in found.files.written:
        yield from ("Without regnas, with onnxruntime, numpy and pillow, in this folder:", "")
        yield from ("```", f"python {PROGRAM} picture.jpg", "```", "")
    for name in ("timm", "torchvision"):
        if f"{name}.safetensors" in found.files.written:
            yield from (f"In {name}:", "", "```python", f"from network_{name} import network")
            yield from ("from safetensors.torch import load_file", "")
            yield from (f"network.load_state_dict(load_file('{name}.safetensors'))", "network.eval()", "```", "")
            yield from (f"`python network_{name}.py picture.jpg` does so and names pictures.", "")
