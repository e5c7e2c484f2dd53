"""Makes lora.json and the adapters in lora/ with PEFT, trained for a few steps on the models beside them.

Run:    python data/goldens/make_lora_goldens.py
Check:  python data/goldens/make_lora_goldens.py --check ADAPTER --base MODEL --ids 1,2,3
        prints what PEFT makes of an adapter written by fourfold: logits of a language model or reward of a reward model,
        keys that do not fit, and the logits after merge_and_unload.

Needs torch, transformers and peft; the files here were made with torch 2.13, transformers 5.23 and peft 0.21.2 on a CPU.
"""

import argparse
import json
import shutil
import warnings
from pathlib import Path

import torch
import transformers
from peft import LoraConfig, PeftModel, get_peft_model

HERE = Path(__file__).parent
transformers.logging.set_verbosity_error()
transformers.utils.logging.disable_progress_bar()
warnings.filterwarnings("ignore")

SEQUENCES = [[5, 17, 3, 28, 11, 2, 6], [9, 13, 7]]
KINDS = {"CAUSAL_LM": transformers.AutoModelForCausalLM, "SEQ_CLS": transformers.AutoModelForSequenceClassification}
ADAPTERS = {
    "llama": ("llamas/tied", {"r": 4, "lora_alpha": 8, "target_modules": ["q_proj", "v_proj"], "lora_dropout": 0.1}),
    "rslora": ("llamas/untied", {"r": 3, "lora_alpha": 5, "target_modules": "all-linear", "use_rslora": True}),
    "pattern": ("llamas/tied", {"r": 2, "lora_alpha": 4, "target_modules": r".*layers\.1\..*(o|up)_proj"}),
    "gpt2": ("architectures/gpt2", {"r": 2, "lora_alpha": 4, "target_modules": ["c_attn", "c_fc"], "fan_in_fan_out": True}),
    "phi3": ("architectures/phi3", {"r": 2, "lora_alpha": 4, "target_modules": ["qkv_proj", "gate_up_proj", "down_proj"]}),
    "reward": ("llamas/reward", {"r": 2, "lora_alpha": 4, "target_modules": ["k_proj", "down_proj"], "task_type": "SEQ_CLS"}),
}


def load(folder, task):
    extra = {"num_labels": 1} if task == "SEQ_CLS" else {}
    return KINDS[task].from_pretrained(folder, dtype=torch.float32, **extra).eval()


def outputs(model):
    with torch.no_grad():
        return [model(torch.tensor([ids])).logits[0].double().flatten().tolist() for ids in SEQUENCES]


def train(model):
    """A few steps towards anything, so that A, B and head are no longer what they began as."""
    optimizer = torch.optim.Adam([p for p in model.parameters() if p.requires_grad], lr=0.02)
    for _ in range(4):
        logits = model(torch.tensor([SEQUENCES[0]])).logits
        loss = logits.pow(2).mean() - logits.flatten()[-1]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def make():
    goldens = {"sequences": SEQUENCES, "adapters": {}}
    for name, (base, settings) in ADAPTERS.items():
        torch.manual_seed(0)
        task = settings.get("task_type", "CAUSAL_LM")
        model = get_peft_model(load(HERE / base, task), LoraConfig(**{"task_type": task, **settings}))
        train(model)
        folder = HERE / "lora" / name
        shutil.rmtree(folder, ignore_errors=True)
        model.eval().save_pretrained(folder)
        (folder / "README.md").unlink()
        config = json.loads((folder / "adapter_config.json").read_text())
        config["base_model_name_or_path"] = f"../../{base}"
        if isinstance(config["target_modules"], list):
            config["target_modules"].sort()
        (folder / "adapter_config.json").write_text(json.dumps(config, indent=2) + "\n")
        goldens["adapters"][name] = {"base": base, "outputs": [[float(f"{x:.8g}") for x in row] for row in outputs(model)]}
    (HERE / "lora.json").write_text(json.dumps(goldens, separators=(",", ":")) + "\n")


def check(adapter, base, ids):
    task = json.loads((Path(adapter) / "adapter_config.json").read_text())["task_type"]
    model = PeftModel.from_pretrained(load(base, task), adapter).eval()
    unfit = model.load_adapter(adapter, "again")
    result = {"unexpected": unfit.unexpected_keys, "missing": [k for k in unfit.missing_keys if "lora_" in k or "score" in k]}
    model.set_adapter("default")
    with torch.no_grad():
        result["logits"] = model(torch.tensor([ids])).logits[0].double().flatten().tolist()
        merged = model.merge_and_unload()
        result["merged"] = merged(torch.tensor([ids])).logits[0].double().flatten().tolist()
    print(json.dumps(result))


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--check")
    parser.add_argument("--base")
    parser.add_argument("--ids", type=lambda given: [int(part) for part in given.split(",")])
    given = parser.parse_args()
    if given.check:
        check(given.check, given.base, given.ids)
    else:
        make()
