"""Loads model folders that fourfold wrote with Hugging Face transformers and compares what both compute.

Run:    python data/goldens/check_saved_models.py DIR [--tolerance 1e-5]

Each folder in DIR is a model with a file expected.json: {"ids": [[1, 2], ...], "outputs": [[...], ...]}, the token ids of
sequences and what fourfold computes from each: logits [time · vocab] of a language model, or one reward. Prints a JSON line a
folder; the difference is the largest at any value, relative to the root mean square of the folder's values. Exits with 1
where a difference is over the tolerance, or where weights are missing, left over or of another shape.
"""

import argparse
import json
import sys
from pathlib import Path

import torch
import transformers

transformers.logging.set_verbosity_error()
transformers.utils.logging.disable_progress_bar()


def check(folder):
    config = json.loads((folder / "config.json").read_text())
    expected = json.loads((folder / "expected.json").read_text())
    name = config["architectures"][0]
    is_classifier = name.endswith("ForSequenceClassification")
    auto = transformers.AutoModelForSequenceClassification if is_classifier else transformers.AutoModelForCausalLM
    model, info = auto.from_pretrained(
        folder, dtype=torch.float32, attn_implementation="eager", output_loading_info=True
    )
    with torch.no_grad():
        outputs = torch.cat([model.eval()(torch.tensor([ids])).logits.reshape(-1) for ids in expected["ids"]]).double()
    wanted = torch.tensor([value for row in expected["outputs"] for value in row], dtype=torch.float64)
    fits = outputs.shape == wanted.shape
    return {
        "folder": folder.name,
        "class": type(model).__name__,
        "isNamedClass": type(model).__name__ == name,
        "keys": {kind: sorted(map(str, info[kind])) for kind in ("missing_keys", "unexpected_keys", "mismatched_keys")},
        "values": len(wanted),
        "difference": float((outputs - wanted).abs().max() / wanted.square().mean().sqrt()) if fits else None,
    }


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("dir", type=Path)
    parser.add_argument("--tolerance", type=float, default=1e-5)
    given = parser.parse_args()
    failed = False
    for folder in sorted(path.parent for path in given.dir.glob("*/expected.json")):
        result = check(folder)
        print(json.dumps(result))
        is_close = result["difference"] is not None and result["difference"] <= given.tolerance
        failed |= not is_close or not result["isNamedClass"] or any(result["keys"].values())
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
